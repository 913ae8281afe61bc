"""Files whose rows are of several layers, told by a column."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gis.ingest.mapping_values import texts
from gis.ingest.proposal_fit import plain
from gis.ingest.proposal_words import CODE_WORDS, LAYER_WORDS

if TYPE_CHECKING:
    import pandas as pd

#: What such a column is called.
_NAMES = frozenset(
    {
        *("layer", "_layer", "layers", "layername", "layer_name", "source_layer"),
        *("featureclass", "feature_class", "featuretype", "feature_type"),
        *("图层", "图层名", "图层名称", "所属图层", "要素类", "要素类型", "要素类别"),
    }
)
#: More values than this are no layers.
_MOST = 100
#: Share of the values of a column of any other name that must be words for layers.
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class MixedLayers:
    """A column that tells the layers of a file apart.

    Parameters
    ----------
    column
        Its name.
    rows
        Rows of each of its values, most first.
    """

    column: str
    rows: Mapping[str, int]

    def value_of(self, layer: str) -> str | None:
        """Return the one value that is a word for a layer of the store; ``None``: none, several."""
        named = [value for value in self.rows if _layer_called(value) == layer]
        return named[0] if len(named) == 1 else None


def mixed_layers(
    sample: "pd.DataFrame", rest: "Iterable[pd.DataFrame]", *, leave: Iterable[str] = ()
) -> MixedLayers | None:
    """Return the column by which the rows of a file are of several layers; ``None``: there is none.

    Parameters
    ----------
    sample
        The first rows, under the file's names.
    rest
        The others; they are read only if a column of the sample may be such a one.
    leave
        Columns that are not looked at.

    Notes
    -----
    A column counts if it is called so (``_layer``, ``图层``) and its values are no numbers, or if
    nearly all its values are words for layers, of two layers at least, and not codes of one field.
    """
    left = set(leave)
    looked = {name: Counter(_values(sample, name)) for name in map(str, sample.columns)}
    counts = {
        name: found for name, found in looked.items() if name not in left and _may_tell(name, found)
    }
    if not counts:
        return None
    for columns in rest:
        for name, found in counts.items():
            if len(found) <= _MOST:
                found.update(_values(columns, name))
    for name in sorted(counts, key=lambda one: plain(one) not in _NAMES):
        if 2 <= len(counts[name]) <= _MOST:
            return MixedLayers(name, dict(counts[name].most_common()))
    return None


def _values(columns: "pd.DataFrame", name: str) -> list[str]:
    return [] if name not in columns else [text for text in texts(columns[name]) if text]


def _may_tell(name: str, found: Counter[str]) -> bool:
    if not found or len(found) > _MOST:
        return False
    if plain(name) in _NAMES:
        return not all(_is_number(value) for value in found)
    if any(known.issuperset(map(plain, found)) for known in _codes()):
        return False
    layers = {value: layer for value in found if (layer := _layer_called(value)) is not None}
    named = sum(found[value] for value in layers)
    return len(set(layers.values())) > 1 and named >= _SHARE * found.total()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _layer_called(value: str) -> str | None:
    return _words().get(plain(value))


@cache
def _words() -> Mapping[str, str]:
    """Return words for layers → layer."""
    words = {plain(word): layer for layer, own in LAYER_WORDS.items() for word in own.split()}
    return words | {layer: layer for layer in LAYER_WORDS}


@cache
def _codes() -> tuple[frozenset[str], ...]:
    """Return the words for codes of each field: ``house`` is a use, ``小区`` a tier of stations."""
    return tuple(
        frozenset(plain(word) for code, own in codes.items() for word in (code, *own.split()))
        for codes in CODE_WORDS.values()
    )
