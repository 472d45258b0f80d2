"""A run's file is checked against the application definition that the beamline names, as the standard publishes it."""

from __future__ import annotations

from pathlib import Path

import h5py
import nexusformat
import pytest
from pydantic import ValidationError

from beamsession.model.nexus import NexusField, NexusRules
from beamsession.record.nexus.application import application_complaints
from beamsession.record.nexus.nxdl import DefinitionError, read_definition
from beamsession.record.nexus.unit_categories import belongs

DEFINITIONS = Path(nexusformat.__path__[0]) / "definitions"


def make_tomography(path: Path) -> h5py.File:
    """What NXtomo wants, and nothing else."""
    file = h5py.File(path, "w")

    def group(name: str, nx_class: str) -> h5py.Group:
        made = file.create_group(name)
        made.attrs["NX_class"] = nx_class
        return made

    entry = group("entry", "NXentry")
    entry["definition"] = "NXtomo"
    group("entry/instrument", "NXinstrument")
    detector = group("entry/instrument/detector", "NXdetector")
    detector["data"] = [[[1, 2], [3, 4]]]
    detector["image_key"] = [0]
    sample = group("entry/sample", "NXsample")
    sample["name"] = "vase"
    sample["rotation_angle"] = [1.5]
    sample["rotation_angle"].attrs["units"] = "deg"
    data = group("entry/data", "NXdata")
    data["data"] = h5py.SoftLink("/entry/instrument/detector/data")
    data["rotation_angle"] = h5py.SoftLink("/entry/sample/rotation_angle")
    data["image_key"] = h5py.SoftLink("/entry/instrument/detector/image_key")
    return file


def complaints(file: h5py.File, definition: str = "NXtomo") -> list[str]:
    entry = file["entry"]
    assert isinstance(entry, h5py.Group)
    return application_complaints(entry, read_definition(DEFINITIONS, definition))


def replace(file: h5py.File, path: str, value: object) -> None:
    del file[path]
    file[path] = value


def test_a_file_that_satisfies_its_definition_passes(tmp_path: Path) -> None:
    with make_tomography(tmp_path / "tomo.nxs") as file:
        assert complaints(file) == []


FAULTS = {
    "NXtomo: /entry lacks a group 'sample' of class NXsample.": lambda file: file.pop("entry/sample"),
    "NXtomo: /entry/instrument lacks a group 'detector' of class NXdetector.": lambda file: file[
        "entry/instrument/detector"
    ].attrs.update(NX_class="NXmonitor"),
    "NXtomo: /entry/sample lacks the field 'name'.": lambda file: file.pop("entry/sample/name"),
    "NXtomo: /entry/sample/rotation_angle has no units, it wants some of NX_ANGLE.": lambda file: file[
        "entry/sample/rotation_angle"
    ].attrs.pop("units"),
    "NXtomo: /entry/instrument/detector/image_key is float64, not NX_INT.": lambda file: replace(
        file, "entry/instrument/detector/image_key", [0.5]
    ),
    "NXtomo: /entry/instrument/detector/data has 1 dimensions, not 3.": lambda file: replace(
        file, "entry/instrument/detector/data", [1]
    ),
    "NXtomo: /entry/sample/rotation_angle has the units 'mm', which are not some of NX_ANGLE.": lambda file: file[
        "entry/sample/rotation_angle"
    ].attrs.update(units="mm"),
    "NXtomo: The sizes that are all nFrames differ: 2 in /entry/instrument/detector/data, "
    "1 in /entry/instrument/detector/image_key.": lambda file: replace(
        file, "entry/instrument/detector/data", [[[1, 2], [3, 4]]] * 2
    ),
    "NXtomo: /entry/data lacks the link 'image_key'.": lambda file: file.pop("entry/data/image_key"),
    "NXtomo: /entry/definition does not name it.": lambda file: replace(file, "entry/definition", "NXsas"),
    "NXtomo: /entry/start_time is no time.": lambda file: (
        file.update({"entry/start_time": "yesterday"}) if hasattr(file, "update") else None
    ),
}


@pytest.mark.parametrize("complaint", FAULTS)
def test_each_fault_is_told(tmp_path: Path, complaint: str) -> None:
    with make_tomography(tmp_path / "tomo.nxs") as file:
        FAULTS[complaint](file)
        assert complaint in complaints(file)
        assert len(complaints(file)) <= 2


UNITS = {
    "NX_LENGTH": ("mm", "Angstrom", "µm", "micron"),
    "NX_ANGLE": ("deg", "Degrees", "mrad"),
    "NX_TIME": ("s", "ms", "minutes"),
    "NX_ENERGY": ("keV", "J"),
    "NX_WAVENUMBER": ("1/angstrom", "angstrom^-1", "nm-1"),
    "NX_FLUX": ("1/s/cm^2", "photons/s/mm2", "s-1.cm-2"),
    "NX_TEMPERATURE": ("K", "degC", "Kelvin"),
    "NX_COUNT": ("counts", "photons", ""),
    "NX_FREQUENCY": ("Hz", "counts/s", "rpm"),
    "NX_SOLID_ANGLE": ("sr",),
    "NX_CURRENT": ("mA",),
    "keV": ("eV",),
}


@pytest.mark.parametrize("category", UNITS)
def test_units_belong_to_their_category_and_to_no_other(category: str) -> None:
    assert all(belongs(units, category) for units in UNITS[category])
    for other, several in UNITS.items():
        if (category, other) not in (("NX_ENERGY", "keV"), ("keV", "NX_ENERGY")) and other != category:
            assert not any(belongs(units, category) for units in several), other


def test_angles_and_lengths_are_both_good_for_a_transformation_and_anything_for_any() -> None:
    assert [belongs(units, "NX_TRANSFORMATION") for units in ("mm", "deg", "", "s")] == [True, True, True, False]
    assert [belongs(units, "NX_UNITLESS") for units in ("", "counts", "%", "m")] == [True, True, True, False]
    assert belongs("whatever", "NX_ANY")
    assert belongs("m", "NX_OF_TOMORROW")


@pytest.mark.parametrize(
    "nonsense", ["arbitrary", "9**9**9**9", "(9**9)**99", "m" * 500, "2+3", "__import__('os')", "\0", "m^", "1e9999"]
)
def test_what_is_no_unit_belongs_nowhere(nonsense: str) -> None:
    assert not belongs(nonsense, "NX_LENGTH")


DIMENSIONS = """<definition xmlns="http://definition.nexusformat.org/nxdl/3.1" extends="NXobject" name="NXsized">
<group type="NXentry"><field name="definition"/>
<field name="matrix" type="NX_FLOAT" units="NX_ANY"><dimensions rank="2">
<dim index="1" value="3"/><dim index="2" value="nP"/></dimensions></field>
<field name="edges" type="NX_INT"><dimensions rank="1"><dim index="1" value="nP + 1"/></dimensions></field>
<field name="stack" type="NX_INT"><dimensions rank="3"><dim index="1" value="nP"/><dim index="2" value="k"/>
<dim index="3" value="l" required="false"/></dimensions></field>
<field name="one" type="NX_INT"><dimensions rank="1"><dim index="1" value="1"/></dimensions></field>
</group></definition>"""


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ({}, []),
        ({"stack": (4, 2, 7), "one": (1,)}, []),
        ({"matrix": (2, 4)}, ["/entry/matrix has the size 2 in dimension 1, not 3."]),
        ({"edges": (6,)}, ["The sizes that are all nP differ: 4 in /entry/matrix, 5 in /entry/edges."]),
        ({"stack": (4,)}, ["/entry/stack has 1 dimensions, not 2 to 3."]),
        ({"one": (2,)}, ["/entry/one has the size 2 in dimension 1, not 1."]),
        ({"matrix": ()}, ["/entry/matrix has 0 dimensions, not 2."]),
    ],
)
def test_sizes_of_dimensions_are_those_of_the_definition(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], told: list[str]
) -> None:
    (tmp_path / "applications").mkdir()
    (tmp_path / "applications" / "NXsized.nxdl.xml").write_text(DIMENSIONS)
    made = {"matrix": (3, 4), "edges": (5,), "stack": (4, 2), "one": ()} | shapes
    with h5py.File(tmp_path / "sized.nxs", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"] = "NXsized"
        for name, shape in made.items():
            entry.create_dataset(name, shape, "f8" if name == "matrix" else "i4")
        found = application_complaints(entry, read_definition(tmp_path, "NXsized"))
    assert found == [f"NXsized: {complaint}" for complaint in told]


def test_every_published_definition_can_be_read() -> None:
    names = [path.name.removesuffix(".nxdl.xml") for path in (DEFINITIONS / "applications").glob("NX*.nxdl.xml")]
    assert len(names) > 30
    with h5py.File("empty", "w", driver="core", backing_store=False) as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        for name in names:
            definition = read_definition(DEFINITIONS, name)
            assert definition.url.endswith(f"applications/{name}.nxdl.xml")
            assert definition.version
            assert application_complaints(entry, definition), name


def test_what_is_no_definition_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "applications").mkdir()
    with pytest.raises(DefinitionError, match=r"no applications/NXtomo\.nxdl\.xml there"):
        read_definition(tmp_path, "NXtomo")
    (tmp_path / "applications" / "NXtomo.nxdl.xml").write_text("<definition")
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_definition(tmp_path, "NXtomo")


@pytest.mark.parametrize(
    "wrong",
    [
        {"definition": "NXtomo"},
        {"fields": [{"path": "/entry/x"}]},
        {"fields": [{"path": "/entry/x", "value": 1, "target": "/entry/title"}]},
        {"fields": [{"path": "/entry/x", "nx_class": "data"}]},
        {"fields": [{"path": "/entry/x", "target": "/entry/title", "units": "m"}]},
        {"definition": "NXtomo", "definitions": "relative/folder"},
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NexusRules.model_validate(wrong)


@pytest.mark.parametrize("value", [True, 7, 1.5, "x", [1, 2], [1.5, 2], ["a"]])
def test_a_value_keeps_its_type(value: object) -> None:
    kept = NexusField.model_validate({"path": "/entry/x", "value": value}).value
    assert (kept, type(kept)) == (value, type(value))
