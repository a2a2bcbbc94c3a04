"""YAML as its readers read it: with their own tags, and no key twice."""

from functools import cache
from typing import Any

import yaml


class Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Knows Compose's and GitLab's tags, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(
                    f"the key {key} is there twice, line {node.start_mark.line + 1}"
                )
        return super().construct_mapping(node, deep)


def _tagged(loader: Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


Loader.add_multi_constructor("!", _tagged)


@cache
def documents(content: bytes) -> tuple[Any, ...]:
    """Every document of a file; `ValueError` where it is none."""
    try:
        return tuple(yaml.load_all(content, Loader))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def mapping(content: bytes) -> dict[str, Any]:
    """The only document, or nothing when it cannot be read."""
    try:
        [document] = documents(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
