"""A device interface as a Pogo 9 file (XMI): its elements are those of Pogo's grammar, `PogoDsl.xtext`."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from docs.generate.interface import AttributeFacts, CommandFacts, DeviceInterface, PropertyFacts, method_name
from tango import AttrDataFormat, AttrWriteType, CmdArgType

XMI = "http://www.omg.org/XMI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DSL = "http://www.esrf.fr/tango/pogo/PogoDsl"
REVISION = "9.8"

TYPES: dict[CmdArgType, str] = {
    CmdArgType.DevVoid: "VoidType",
    CmdArgType.DevBoolean: "BooleanType",
    CmdArgType.DevLong: "IntType",
    CmdArgType.DevLong64: "LongType",
    CmdArgType.DevDouble: "DoubleType",
    CmdArgType.DevString: "StringType",
    CmdArgType.DevEnum: "EnumType",
}
"""Pogo names types after C++: its Int is Tango's DevLong, its Long is DevLong64."""

_FORMATS = {AttrDataFormat.SCALAR: "Scalar", AttrDataFormat.SPECTRUM: "Spectrum"}
_ACCESS = {AttrWriteType.READ: "READ", AttrWriteType.WRITE: "WRITE", AttrWriteType.READ_WRITE: "READ_WRITE"}
_MEANINGS = {
    "FAULT": "Cannot work; Status says why and what to do.",
    "INIT": "Starting, or taking up what a crash left behind.",
    "RUNNING": "A run is recorded or written out.",
    "ALARM": "Not recording, and a person is needed before the next run.",
    "ON": "Ready.",
    "STANDBY": "No session is open.",
}


def pogo_text(device: DeviceInterface) -> str:
    """The whole file."""
    for prefix, uri in (("xmi", XMI), ("xsi", XSI), ("pogoDsl", DSL)):
        ElementTree.register_namespace(prefix, uri)
    root = Element(f"{{{DSL}}}PogoSystem", {f"{{{XMI}}}version": "2.0"})
    root.append(_class(device))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="ascii", xml_declaration=False).decode("ascii")
    return f'<?xml version="1.0" encoding="ASCII"?>\n{body}\n'


def _class(device: DeviceInterface) -> Element:
    element = Element("classes", {"name": device.name, "pogoRevision": REVISION})
    _description(element, device)
    for item in device.properties:
        _property(element, item)
    for name, answer in (("State", "StateType"), ("Status", "ConstStringType")):
        _inherited_command(element, name, answer)
    for command in device.commands:
        _command(element, command)
    for attribute in device.attributes:
        _attribute(element, attribute)
    for state in device.states:
        child = SubElement(element, "states", {"name": state, "description": _MEANINGS[state]})
        _status(child)
    SubElement(element, "preferences", {"docHome": "./doc_html", "makefileHome": ""})
    return element


def _description(parent: Element, device: DeviceInterface) -> None:
    element = SubElement(
        parent,
        "description",
        {
            "description": device.doc,
            "title": device.doc.splitlines()[0],
            "sourcePath": "",
            "language": "PythonHL",
            "filestogenerate": "XMI   file",
            "license": "BSD-3-Clause",
            "copyright": "",
            "hasMandatoryProperty": "false",
            "hasConcreteProperty": "true",
            "hasAbstractCommand": "false",
            "hasAbstractAttribute": "false",
        },
    )
    SubElement(element, "inheritances", {"classname": "Device_Impl", "sourcePath": ""})
    SubElement(
        element,
        "identification",
        {
            "contact": "",
            "author": "",
            "emailDomain": "",
            "classFamily": "Acquisition",
            "siteSpecific": "",
            "platform": "Linux",
            "bus": "Not Applicable",
            "manufacturer": "",
            "reference": "",
        },
    )


def _property(parent: Element, item: PropertyFacts) -> None:
    element = SubElement(parent, "deviceProperties", {"name": item.name, "description": item.doc})
    _typed(element, "type", TYPES[item.type])
    _status(element)
    if item.default:
        SubElement(element, "DefaultPropValue").text = item.default


def _inherited_command(parent: Element, name: str, answer: str) -> None:
    method = f"dev_{name.lower()}"
    element = _command_element(parent, name, f"The device's {name.lower()}.", method)
    _argument(element, "argin", "VoidType", "")
    _argument(element, "argout", answer, "")
    _status(element, inherited=True)


def _command(parent: Element, command: CommandFacts) -> None:
    element = _command_element(parent, command.name, command.doc, method_name(command.name))
    _argument(element, "argin", TYPES[command.in_type], command.in_doc)
    _argument(element, "argout", TYPES[command.out_type], command.out_doc)
    _status(element)


def _command_element(parent: Element, name: str, doc: str, method: str) -> Element:
    facts = {"description": doc, "execMethod": method, "displayLevel": "OPERATOR", "polledPeriod": "0"}
    return SubElement(parent, "commands", {"name": name, **facts, "isDynamic": "false"})


def _argument(parent: Element, name: str, kind: str, doc: str) -> None:
    _typed(SubElement(parent, name, {"description": doc}), "type", kind)


def _attribute(parent: Element, item: AttributeFacts) -> None:
    element = SubElement(
        parent,
        "attributes",
        {
            "name": item.name,
            "attType": _FORMATS[item.format],
            "rwType": _ACCESS[item.access],
            "displayLevel": "OPERATOR",
            "polledPeriod": "0",
            "maxX": str(item.max_dim_x),
            "maxY": "",
            "allocReadMember": "true",
            "isDynamic": "false",
        },
    )
    _typed(element, "dataType", TYPES[item.type])
    pushed = "false" if item.name == "Version" else "true"
    SubElement(element, "changeEvent", {"fire": pushed, "libCheckCriteria": "false"})
    SubElement(element, "archiveEvent", {"fire": "false", "libCheckCriteria": "false"})
    SubElement(element, "dataReadyEvent", {"fire": "false", "libCheckCriteria": "true"})
    _status(element)
    SubElement(
        element,
        "properties",
        {
            "description": item.doc,
            "label": item.name,
            "unit": item.unit,
            "standardUnit": "",
            "displayUnit": "",
            "format": item.display,
            "maxValue": item.maximum,
            "minValue": item.minimum,
            **dict.fromkeys(("maxAlarm", "minAlarm", "maxWarning", "minWarning", "deltaTime", "deltaValue"), ""),
        },
    )
    for label in item.labels:
        SubElement(element, "enumLabels").text = label


def _typed(parent: Element, name: str, kind: str) -> None:
    SubElement(parent, name, {f"{{{XSI}}}type": f"pogoDsl:{kind}"})


def _status(parent: Element, *, inherited: bool = False) -> None:
    facts = {"abstract": "false", "inherited": "false", "concrete": "true", "concreteHere": "true"}
    if inherited:
        facts |= {"abstract": "true", "inherited": "true", "concreteHere": "false"}
    SubElement(parent, "status", facts)
