"""Chinese headers of the fields of every layer, and what an export's own facts are called."""

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gis.i18n import Language

#: Field → Chinese header; the English header is the name of the field.
FIELD_LABELS = MappingProxyType(
    {
        "active_from": "任职起始日",
        "active_to": "任职截止日",
        "address": "地址",
        "area": "范围",
        "area_m2": "面积（平方米）",
        "backup": "是否B岗",
        "barrier_class": "屏障类别",
        "barrier_inside_m": "内含屏障长度（米）",
        "border_m": "边界长度（米）",
        "bridge": "是否桥梁",
        "building_id": "楼栋编号",
        "buildings": "楼栋数",
        "capacity": "服务能力（人/日）",
        "category": "类别",
        "cell_a": "单元甲",
        "cell_b": "单元乙",
        "cell_id": "基本单元编号",
        "children": "儿童数",
        "closes_on": "停办日期",
        "code": "代码",
        "community_code": "社区代码",
        "community_id": "社区编号",
        "community_name": "社区名称",
        "compactness": "紧凑度",
        "complainant_token": "诉求人代号",
        "count": "数量",
        "data_version": "数据版本",
        "derived": "是否推算",
        "description": "描述",
        "detail": "说明",
        "details": "其他信息",
        "distance_m": "距离（米）",
        "distance_method": "距离算法",
        "duty_hours": "值班时间",
        "elderly": "老年人数",
        "entrance": "出入口",
        "exceptions": "例外情况",
        "fee_class": "收费类别",
        "fixable": "可自动修复",
        "floor_area_m2": "建筑面积（平方米）",
        "floors": "楼层数",
        "gated": "是否封闭小区",
        "geometry": "几何",
        "grid_code": "网格代码",
        "grid_id": "网格编号",
        "households": "户数",
        "households_source": "户数来源",
        "households_within_1000m": "1000米内户数",
        "households_within_300m": "300米内户数",
        "households_within_500m": "500米内户数",
        "id": "编号",
        "in_range": "户数是否达标",
        "kind": "种类",
        "lat": "纬度",
        "layer": "图层",
        "length_m": "长度（米）",
        "level": "级别",
        "lon": "经度",
        "low_income_households": "低保及边缘户数",
        "measures": "评价指标",
        "moment": "时刻",
        "name": "名称",
        "no_grid_reason": "无网格原因",
        "no_station_reason": "无服务站原因",
        "occurred_at": "发生时间",
        "open_to_walkers": "行人可通行",
        "opening_hours": "开放时间",
        "opens_on": "启用日期",
        "options": "划分参数",
        "organisation_id": "单位编号",
        "outer_border_m": "外边界长度（米）",
        "parent_code": "上级代码",
        "parent_grid_id": "上级网格编号",
        "parent_plan_id": "上级方案编号",
        "part_of": "所属整个基本单元编号",
        "passable": "可穿行",
        "perimeter_m": "周长（米）",
        "person_token": "人员代号",
        "pieces": "块数",
        "plan_id": "方案编号",
        "poi_id": "兴趣点编号",
        "polsby_popper": "紧凑度（Polsby–Popper）",
        "quarter_id": "小区编号",
        "reock": "紧凑度（Reock）",
        "residents": "人口数",
        "road_class": "道路等级",
        "road_id": "道路编号",
        "role": "岗位",
        "row_ids": "相关记录编号",
        "run_id": "检查批次",
        "scenario": "情景",
        "scope_code": "范围代码",
        "sequence": "序号",
        "served_group": "服务对象",
        "service": "服务事项",
        "severity": "严重程度",
        "size_m2": "面积（平方米）",
        "skills": "技能",
        "source": "来源",
        "source_id": "原编号",
        "stations_serving": "服务中的站点数",
        "station_id": "服务站编号",
        "station_name": "服务站名称",
        "status": "状态",
        "synthetic": "是否模拟数据",
        "temporary": "是否临时",
        "tier": "层级",
        "tunnel": "是否隧道",
        "unit_id": "单元编号",
        "units": "单元",
        "use": "用途",
        "valid_from": "生效日期",
        "valid_to": "失效日期",
        "version": "版本",
        "walkable": "可步行",
        "within_1000m": "1000米内",
        "within_300m": "300米内",
        "within_500m": "500米内",
        "wkt": "WKT坐标",
        "x": "横坐标X",
        "y": "纵坐标Y",
    }
)

#: Facts of an export: English and Chinese.
ABOUT_LABELS = MappingProxyType(
    {
        "about": ("About", "说明"),
        "program": ("Program", "程序"),
        "exported_at": ("Exported at", "导出时间"),
        "crs": ("Coordinate reference system", "坐标系"),
        "crs_note": ("Coordinates", "坐标说明"),
        "plan": ("Plan", "方案"),
        "id": ("id", "编号"),
        "name": ("name", "名称"),
        "kind": ("kind", "种类"),
        "status": ("status", "状态"),
        "code": ("division code", "区划代码"),
        "filters": ("Filter", "筛选"),
        "bbox": ("box (west, south, east, north)", "范围（西,南,东,北）"),
        "community": ("community", "社区"),
        "suppression": ("Suppression of small counts", "小数值保护"),
        "attribution": ("Attribution", "数据来源"),
        "synthetic": ("Made-up data", "模拟数据"),
        "rows": ("Rows", "记录数"),
        "losses": ("What the format cannot hold", "格式限制造成的改动"),
    }
)


def field_label(name: str, language: "Language | None") -> str:
    """Return the header of a field; without a language the field's own name.

    Examples
    --------
    >>> field_label("households", "zh-CN"), field_label("households", None)
    ('户数', 'households')
    """
    return FIELD_LABELS.get(name, name) if language == "zh-CN" else name


def about_label(name: str, language: "Language") -> str:
    """Return what a fact of an export is called."""
    english, chinese = ABOUT_LABELS.get(name, (name, name))
    return chinese if language == "zh-CN" else english
