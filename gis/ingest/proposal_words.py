"""What offices call the fields, layers and codes, in Chinese and English; all lower case."""

from collections.abc import Mapping
from types import MappingProxyType

#: Field → name of the column that holds our ids in a table exported from here with Chinese headers.
OWN_IDS: Mapping[str, str] = MappingProxyType(
    {
        "id": "编号",
        "building_id": "楼栋编号",
        "community_id": "社区编号",
        "quarter_id": "小区编号",
        "organisation_id": "单位编号",
        "road_id": "道路编号",
        "poi_id": "兴趣点编号",
        "station_id": "服务站编号",
        "unit_id": "单元编号",
    }
)
#: Field → names of columns, by layer; ``""``: of any layer.
FIELD_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "": MappingProxyType(
            {
                "source_id": (
                    "原编号 编号 编码 标识 唯一标识 标识码 要素编号 序列号 id objectid fid oid gid "
                    "uid key code osm_id bsm 主键"
                ),
                "name": "名称 名字 全称 简称 name title label mc",
                "address": (
                    "地址 详细地址 坐落 座落 位置 门牌 门牌号 门牌地址 所在地址 address addr "
                    "location street_address zl"
                ),
                "valid_from": "启用日期 开始日期 生效日期 valid_from start_date",
                "valid_to": "停用日期 结束日期 失效日期 valid_to end_date",
            }
        ),
        "buildings": MappingProxyType(
            {
                "name": (
                    "楼栋名称 楼栋名 楼名 楼宇名称 楼号 楼栋号 楼栋 幢号 栋号 幢名 建筑名称 "
                    "建筑物名称 房屋名称 building building_name buildingname bldg_name jzmc"
                ),
                "source_id": (
                    "楼栋编号 楼栋编码 楼栋id 建筑编号 建筑物编码 building_id bldg_id jzbh"
                ),
                "households": (
                    "户数 总户数 住户数 家庭户数 居民户数 实有户数 住户 户 households hh "
                    "household_count num_households hushu zhs"
                ),
                "residents": (
                    "人口 人口数 总人口 总人数 常住人口 实有人口 居住人口 人数 居民数 "
                    "居民人数 residents population pop people renkou rks"
                ),
                "elderly": (
                    "老年人 老年人数 老年人口 老人数 老人 60岁以上 60岁及以上 60岁以上人口 "
                    "60岁以上老人 60周岁以上 elderly seniors over_60 aged_60_plus"
                ),
                "children": (
                    "儿童 儿童数 儿童人数 少儿 未成年人 14岁以下 0-14岁 children kids under_14"
                ),
                "low_income_households": (
                    "低保户 低保户数 低保及边缘户数 低保 "
                    "困难户 困难户数 低收入户 低收入家庭 low_income "
                    "low_income_hh"
                ),
                "households_source": "户数来源 户数依据 households_source",
                "entrance": "出入口 入口 入户口 entrance",
                "floors": (
                    "层数 楼层 楼层数 总层数 地上层数 建筑层数 floors storeys stories levels "
                    "num_floors building_levels cs"
                ),
                "use": (
                    "用途 房屋用途 建筑用途 使用性质 使用功能 房屋性质 建筑类型 房屋类型 "
                    "类型 性质 use usage function building_use building_type type yt"
                ),
                "quarter": (
                    "小区 小区名称 小区名 住宅小区 所属小区 所在小区 楼盘 quarter estate "
                    "compound residential_area xqmc"
                ),
            }
        ),
        "quarters": MappingProxyType(
            {
                "name": (
                    "小区 小区名称 小区名 住宅小区 楼盘 楼盘名称 quarter estate compound xqmc"
                ),
                "gated": "封闭 是否封闭 封闭小区 封闭式 gated fenced",
            }
        ),
        "communities": MappingProxyType(
            {
                "name": (
                    "社区 社区名称 社区名 居委会 居委会名称 村居名称 community community_name sqmc"
                ),
                "code": (
                    "社区代码 社区编码 区划代码 行政区划代码 统计用区划代码 division_code "
                    "community_code sqdm xzqdm"
                ),
            }
        ),
        "roads": MappingProxyType(
            {
                "name": "路名 道路名称 道路名 街道名称 road road_name street street_name dlmc",
                "road_class": (
                    "道路等级 道路类型 道路级别 等级 类型 road_class class highway fclass "
                    "road_type type dldj"
                ),
                "walkable": "可步行 是否可步行 步行 walkable foot",
                "bridge": "桥 桥梁 是否桥梁 bridge is_bridge",
                "tunnel": "隧道 是否隧道 tunnel is_tunnel",
            }
        ),
        "stations": MappingProxyType(
            {
                "name": (
                    "站点名称 站名 服务站 驿站 驿站名称 阵地名称 中心名称 station station_name"
                ),
                "tier": "级别 层级 站点级别 站点类型 阵地类型 tier level station_type",
                "status": "状态 运营状态 开放状态 status state",
                "floor_area_m2": "面积 建筑面积 使用面积 floor_area area_m2",
            }
        ),
        "pois": MappingProxyType(
            {
                "name": "地名 兴趣点 兴趣点名称 poi poi_name",
                "category": "类别 类型 分类 大类 行业 category kind type amenity fclass",
            }
        ),
        "barriers": MappingProxyType(
            {"barrier_class": "障碍类型 阻隔类型 类型 barrier barrier_class barrier_type type"}
        ),
        "crossings": MappingProxyType({"kind": "类型 通道类型 crossing kind crossing_type type"}),
        "dedicated_areas": MappingProxyType(
            {
                "name": "园区名称 专属网格 专属网格名称 单位名称",
                "category": "类别 类型 区域类型 category kind type",
            }
        ),
        "incidents": MappingProxyType(
            {
                "category": "事件类型 事件类别 问题类型 问题类别 小类 category incident_type",
                "description": "描述 问题描述 事件描述 内容 情况说明 description details text",
                "occurred_at": (
                    "时间 发生时间 上报时间 受理时间 登记时间 派发时间 date time datetime "
                    "occurred_at reported_at created_at"
                ),
                "source": "来源 事件来源 上报渠道 渠道 source channel",
            }
        ),
    }
)

#: Layer → words in the names of files, of their layers and of columns.
LAYER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "buildings": "楼栋 楼宇 建筑 房屋 楼房 楼盘表 building buildings bldg footprint house",
        "communities": "社区界 社区边界 社区 居委 community communities",
        "quarters": "小区 住宅区 楼盘 quarter quarters estate compound residential",
        "roads": "道路 路网 街道中心线 road roads street highway",
        "stations": "服务站 驿站 党群 阵地 服务中心 便民 station stations",
        "pois": "兴趣点 地名 设施点 poi pois place amenity",
        "barriers": "河流 铁路 障碍 阻隔 barrier barriers",
        "crossings": "通道 过街 桥梁 crossing crossings",
        "dedicated_areas": "专属网格 园区 市场 校园 dedicated",
        "incidents": "事件 工单 诉求 投诉 incident incidents complaint",
    }
)

#: Field → code → words that its values are written as; the code itself is always known.
CODE_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "use": MappingProxyType(
            {
                "residential": (
                    "住宅 居住 民宅 民居 居民楼 住宅楼 公寓 宿舍 商品房 安置房 apartments "
                    "house dwelling dormitory residence"
                ),
                "mixed": "商住 商住两用 商住混合 混合 底商住宅 综合 mixed-use",
                "commercial": (
                    "商业 商铺 商场 店铺 门面 酒店 宾馆 市场 餐饮 retail shop hotel mall"
                ),
                "office": "办公 办公楼 写字楼 商务 商务办公 offices",
                "education": "教育 学校 幼儿园 教学楼 科教 中学 小学 大学 school university",
                "health": "医疗 医院 卫生 诊所 卫生院 hospital clinic medical",
                "industrial": "工业 厂房 仓库 仓储 车间 工厂 industry factory warehouse",
                "public": (
                    "公共 公建 公共设施 公共服务 机关 行政 文化 体育 宗教 政府 civic government"
                ),
                "other": "其他 其它 附属 车库 车棚 配电房 在建 garage shed",
            }
        ),
        "road_class": MappingProxyType(
            {
                "motorway": "高速 高速公路 motorway_link",
                "arterial": (
                    "快速路 主干道 主干路 次干道 次干路 国道 省道 trunk primary secondary "
                    "trunk_link primary_link secondary_link"
                ),
                "collector": "集散路 县道 tertiary tertiary_link",
                "local": (
                    "支路 街巷 城市支路 乡道 residential unclassified living_street pedestrian"
                ),
                "service": "内部路 小区路 巷道 里弄 track driveway",
                "path": "人行道 步道 小路 自行车道 绿道 footway cycleway bridleway sidewalk",
                "steps": "台阶 梯道 阶梯 stairs",
            }
        ),
        "tier": MappingProxyType(
            {
                "hub": "区级 区级中心 旗舰 区级综合体",
                "center": "街道级 街道 镇级 街道中心 中心",
                "community": "社区级 社区 村级 居委",
                "quarter": "小区级 小区 网格级 网格 楼栋",
                "partner": "合作 共建 驿站 联盟 合伙",
            }
        ),
        "status": MappingProxyType(
            {
                "open": "开放 运营 正常 已建成 启用 在用 active",
                "planned": "规划 拟建 在建 筹建 under_construction",
                "closed": "关闭 停用 撤销 停业 inactive",
            }
        ),
        "barrier_class": MappingProxyType(
            {
                "arterial": "主干道 快速路 高速 motorway trunk primary",
                "river": "河流 河道 水系 江 河 湖 canal water",
                "railway": "铁路 轨道 地铁 rail subway",
                "wall": "围墙 围栏 墙 fence",
            }
        ),
        "kind": MappingProxyType(
            {
                "bridge": "桥 桥梁 天桥 人行天桥 footbridge",
                "underpass": "地道 地下通道 涵洞 下穿 tunnel subway",
                "level_crossing": "道口 平交道口 铁路道口",
                "gate": "大门 门 出入口 小区门 entrance",
            }
        ),
        "source": MappingProxyType(
            {
                "hotline": "热线 12345 市民热线 电话",
                "app": "小程序 微信 网络 随手拍 手机",
                "patrol": "巡查 巡逻 网格员上报 网格员",
                "visit": "走访 入户 上门",
                "camera": "视频 监控 摄像头",
                "other": "其他 其它",
            }
        ),
        "category": MappingProxyType(
            {
                "parking": "停车 违停 停车难",
                "parking_lock": "地锁",
                "poultry": "家禽 养鸡",
                "roof_leak": "漏水 屋顶漏水 房屋漏水",
                "property_fee": "物业费",
                "property_dispute": "物业纠纷 物业",
                "charging_cable": "飞线 飞线充电",
                "road_damage": "路面破损 道路破损 井盖",
                "tree": "树木 绿化",
                "gas": "燃气 煤气",
                "noise": "噪音 噪声 扰民",
                "waste": "垃圾 环境卫生",
                "street_light": "路灯",
                "other": "其他 其它",
            }
        ),
    }
)

_PERSONAL = (
    "姓名 身份证 证件号 手机 电话 联系人 联系方式 户主 业主 房主 诉求人 来电人 投诉人 举报人 "
    "负责人 责任人 经办人 派单员 网格长 网格员 信息员 楼栋长 单元长 法人 法定代表人 微信 邮箱 "
    "出生日期 银行卡 车牌 person_name full_name phone mobile telephone email e-mail id_card idcard "
    "id_number passport contact birth resident_name owner_name householder"
)
#: What columns of persons' data are called; a column is one if its name holds a word of the first
#: list or is one of the second.
PERSONAL_PARTS = tuple(_PERSONAL.split())
PERSONAL_WHOLE = frozenset({"tel", "wechat", "qq", "owner", "person", "sfz", "sfzh", "xm", "lxr"})
