"""What reads dimensions: the models of the catalogue, pages and apps that the reference names. A dimension that nothing reads does not count."""

from __future__ import annotations

from collections.abc import Mapping

from zerodistance.kernel.text import Text

READERS: Mapping[str, Text] = {
    "N1": Text("模型 N1：换新需求", "model N1: replacement"),
    "N2": Text("模型 N2：交叉与套系购买", "model N2: cross-purchase and suites"),
    "N3": Text("模型 N3：复购与耗材", "model N3: repeat purchase and consumables"),
    "N4": Text("模型 N4：兴趣", "model N4: interest"),
    "N5": Text("模型 N5：各渠道触达的增益", "model N5: uplift of contact by channel"),
    "R1": Text("模型 R1：活跃度", "model R1: activity"),
    "R2": Text("模型 R2：诚信", "model R2: integrity"),
    "R3": Text("模型 R3：价值", "model R3: value"),
    "R4": Text("模型 R4：沉睡", "model R4: dormancy"),
    "R5": Text("模型 R5：关系阶段", "model R5: stage of the relation"),
    "D1": Text("模型 D1：故障", "model D1: fault"),
    "D2": Text("模型 D2：服务后的满意度", "model D2: satisfaction after service"),
    "map": Text("小区热力图", "community heat map"),
    "pain": Text("痛点雷达", "pain-point radar"),
    "circle": Text("生活圈", "life circle"),
    "caps": Text("触达频控与时段", "caps and hours of contact"),
    "texts": Text("消息的语言", "language of messages"),
    "rights": Text("服务权益", "service rights"),
    "shops": Text("门店网络", "shop network"),
    "household": Text("家庭页", "page of a household"),
    "person": Text("用户 360 页", "360-degree page of a person"),
}
"""Key -> what it is called. Models are those of the reference (three classes, twelve models), apps and pages too."""
