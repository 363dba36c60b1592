"""Bodies of query requests, as the protocol writes them."""

import base64
import copy
import struct

INSTRUMENT = {"expression_type": "dimension_key", "dimension": "instrument"}


def key(dimension):
    return {"expression_type": "dimension_key", "dimension": dimension}


def field(element, name):
    return {"expression_type": "dimension_field", "element": element, "field": name}


def dataset_field(dataset_type, name):
    return {"expression_type": "dataset_field", "dataset_type": dataset_type, "field": name}


def literal(value):
    kind = {int: "int", str: "string", float: "float"}[type(value)]
    return {"expression_type": kind, "value": value}


def region(*numbers: float, tag=b"c"):
    """A region in the encoding of sphgeom; a circle's numbers are its centre, its squared chord and its radius."""
    return encoded_region(tag + struct.pack(f"<{len(numbers)}d", *numbers))


def encoded_region(content: bytes):
    return {"expression_type": "region", "encoded": base64.b64encode(content).decode()}


def compared(a, operator, b):
    return {"predicate_type": "comparison", "a": a, "operator": operator, "b": b}


CAM1 = compared(INSTRUMENT, "==", literal("Cam1"))


def tree(*dimensions, where=(CAM1,), **parts):
    """A tree over dimensions, with leaves that must all hold; lists of leaves are alternatives."""
    groups = [leaf if isinstance(leaf, list) else [leaf] for leaf in where]
    return {"dimensions": list(dimensions), "predicate": {"operands": groups}} | parts


def search(*collections, dimensions=("instrument", "detector")):
    return {"collections": list(collections), "dimensions": list(dimensions)}


def inputs(query_tree, *more):
    return {"tree": query_tree, "default_data_id": {"dataId": {}}, "additional_query_inputs": list(more)}


def data_ids(*dimensions, tree=None, uploads=(), **options):
    """The body of a query for data IDs over the tree's dimensions."""
    dimensions = list(dimensions) or tree["dimensions"]
    query = tree if tree is not None else globals()["tree"](*dimensions)
    return {
        "query": inputs(query, *uploads),
        "result_spec": {"result_type": "data_coordinate", "dimensions": dimensions} | options,
    }


def datasets(name, *collections, dimensions=("instrument", "detector"), where=(CAM1,), **options):
    """The body of a query for datasets."""
    return {
        "query": inputs(tree(*dimensions, where=where, datasets={name: search(*collections, dimensions=dimensions)})),
        "result_spec": {
            "result_type": "dataset_ref",
            "dataset_type_name": name,
            "dimensions": list(dimensions),
            "storage_class_name": "Exposure",
            "find_first": True,
        }
        | options,
    }


def everything(*collections, **options):
    """The body of a query for datasets of all types."""
    return {
        "collections": list(collections),
        "name": ["*"],
        "find_first": True,
        "data_id": {},
        "default_data_id": {},
        "where": "",
        "bind": {},
        "limit": None,
        "with_dimension_records": False,
    } | options


def changed(body, path, value):
    """A copy of a body with another value at a path of keys; `...` as value removes the key."""
    result = copy.deepcopy(body)
    *parents, last = path
    target = result
    for step in parents:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return result
