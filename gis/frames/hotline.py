"""The export of a 12345 hotline: 18 columns, no coordinates, and persons' data among them."""

#: The columns as the export has them.
HOTLINE_COLUMNS = (
    "序号",
    "办件编号",
    "办件来源",
    "市级编号",
    "诉求主题",
    "诉求内容",
    "办理单位",
    "办理科室",
    "诉求人",
    "诉求人电话",
    "处理结果",
    "事项大类",
    "事项小类",
    "派发时间",
    "承诺完成时间",
    "办件状态",
    "派单员",
    "预警状态",
)
#: Without these a file is no such export.
HOTLINE_REQUIRED = ("办件编号", "诉求内容", "派发时间")
#: Persons: never stored, never logged.
HOTLINE_PERSONAL = ("诉求人", "诉求人电话", "派单员")
