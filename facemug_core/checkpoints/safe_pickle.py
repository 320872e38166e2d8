"""Reads pickles as data, without running code or importing modules.

A pickle is a program for a stack machine. This machine builds lists, dictionaries and plain values, and inert
stand-ins for everything else: `Named` for a class or function, `Record` for an object. Only functions that
rebuild tensors and containers are imitated; a pickle that calls another one is refused. Constants bound time
and memory.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any

MAX_BYTES = 16 << 20
"""Longest pickle that is read; those of published checkpoints, without their tensors, are below 2 MB."""

MAX_OPCODES = 500_000
"""Longest program; a tensor takes about 35."""

MAX_INTEGER = 1 << 127


class UnreadableError(Exception):
    """The pickle is damaged or too large; the message completes "it …"."""


class ForeignCodeError(UnreadableError):
    """The pickle calls a function; the message is its name."""


@dataclass(frozen=True)
class Named:
    """A class or function, by its name."""

    name: str


@dataclass(eq=False)
class Record:
    """An object of a class that is not imported."""

    kind: str
    state: Any = None


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers outside the pickle."""

    key: str
    kind: str
    """Name of the storage's class, which determines the number type."""
    count: int
    start: int = 0
    """Start of this view of the storage (files before 2018 have views)."""


@dataclass(frozen=True, eq=False)
class TensorRecord:
    """A tensor as a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str | None = None
    """Name of its type, if it is not the storage's."""


_ODDITIES = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError
)  # fmt: skip
"""Errors of the decoder and the stack machine on invalid programs."""


def read_pickle(stream: BytesIO) -> Any:
    """The value of the pickle at the stream's position; moves the stream to its end.

    Raises:
        ForeignCodeError: it calls a function that is not imitated.
        UnreadableError: it is damaged or too large.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count == MAX_OPCODES:
                raise UnreadableError(f"has a pickle of more than {MAX_OPCODES} steps")
            machine.run(opcode.name, argument)
        (value,) = machine.stack
    except _ODDITIES as error:
        raise UnreadableError(f"holds a damaged pickle ({str(error)[:100]})") from error
    return value


# What is called --------------------------------------------------------------------------------------------


def _tensor(storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> TensorRecord:
    """Arguments of `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`."""
    return TensorRecord(_storage(storage), _integer(offset), _integers(shape), _integers(strides))


def _typed_tensor(
    storage: Storage, offset: int, shape: Any, strides: Any, grad: Any, hooks: Any, dtype: Named, *_: Any
) -> TensorRecord:
    """Arguments of `torch._utils._rebuild_tensor_v3`."""
    return TensorRecord(_storage(storage), _integer(offset), _integers(shape), _integers(strides), dtype.name)


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _of_type(function: Named, kind: Named, arguments: tuple[Any, ...], state: Any) -> Any:
    """Arguments of `torch._tensor._rebuild_from_type_v2`: a tensor that has attributes."""
    return _call(function, arguments)


def _dictionary(pairs: Any = ()) -> dict[Any, Any]:
    made = {_key(key): value for key, value in pairs}
    if pairs:
        pairs.clear()  # otherwise copies of one list could fill the memory
    return made


def _default_dictionary(*_: Any) -> dict[Any, Any]:
    return {}


def _items(values: Any = ()) -> Any:
    return values


def _object(kind: Named, base: Any, state: Any) -> Record:
    return Record(kind.name, state)


_IMITATED: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_tensor_v3": _typed_tensor,
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch._tensor._rebuild_from_type_v2": _of_type,
        "torch.Size": _items,
        "collections.OrderedDict": _dictionary,
        "collections.defaultdict": _default_dictionary,
        "builtins.set": _items,
        "builtins.frozenset": _items,
        "__builtin__.set": _items,
        "copyreg._reconstructor": _object,
        "copy_reg._reconstructor": _object,
    }
)
"""Imitated functions, with their stand-ins."""

_INERT = frozenset(
    {
        "_codecs.encode",
        "torch.device",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.WindowsPath",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "operator.getitem",
    }
)
"""Functions whose calls become records: parts of training options, which are not needed."""


def _call(function: Named, arguments: tuple[Any, ...]) -> Any:
    name = function.name
    if name in _IMITATED:
        return _IMITATED[name](*arguments)
    if name in _INERT:
        return Record(name)
    raise ForeignCodeError(name)


def _call_first(values: list[Any]) -> Any:
    return _call(values[0], tuple(values[1:]))


def _storage(value: Any) -> Storage:
    if not isinstance(value, Storage):
        raise UnreadableError("holds a tensor without numbers")
    return value


def _integer(value: Any) -> int:
    """A size, count or position."""
    if not (isinstance(value, int) and 0 <= value < 1 << 48):
        raise UnreadableError("declares a tensor of an impossible shape")
    return value


def _integers(values: Any) -> tuple[int, ...]:
    if not (isinstance(values, (tuple, list)) and len(values) <= 64):
        raise UnreadableError("declares a tensor of an impossible shape")
    return tuple(_integer(value) for value in values)


def _key(value: Any) -> Any:
    """A key of a dictionary, only of types without forged hash collisions, which would take forever."""
    if isinstance(value, str) or value is None or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    raise UnreadableError(f"uses {type(value).__name__} as a name in a dictionary")


# The machine -----------------------------------------------------------------------------------------------

_MARK = object()

_LITERALS = frozenset(
    (
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
        "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
        "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    )
)  # fmt: skip
"""Operations that push their argument."""

_CONSTANTS: Mapping[str, Any] = MappingProxyType({"NONE": None, "NEWTRUE": True, "NEWFALSE": False})


class _Machine:
    """Stack, marks and memo of the pickle's program."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            if isinstance(argument, int) and abs(argument) > MAX_INTEGER:
                raise UnreadableError("holds a number beyond all bounds")
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, argument)
        else:
            raise UnreadableError(f"uses the operation {name}, which no checkpoint needs")

    def marked(self) -> list[Any]:
        """Pop the last mark and everything above it."""
        position = len(self.stack) - 1
        while self.stack[position] is not _MARK:
            position -= 1
        values = self.stack[position + 1 :]
        del self.stack[position:]
        return values

    def replace(self, count: int, make: Callable[..., Any]) -> None:
        """Replace the last `count` values by the result of `make`."""
        if len(self.stack) < count:
            raise UnreadableError("holds a damaged pickle")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        self.stack.append(make(*values))

    def push_dictionary(self, pairs: list[Any]) -> None:
        self.stack.append({})
        self.store(pairs)

    def store(self, pairs: list[Any]) -> None:
        """Add alternating keys and values to the dictionary on top."""
        target = self.stack[-1]
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if isinstance(target, dict):
                target[_key(key)] = value

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)


def _named(module: str, name: str) -> Named:
    return Named(f"{module}.{name}")


def _build(value: Any, state: Any) -> Any:
    """Set the state of an object; other attributes of containers and tensors are ignored."""
    if isinstance(value, Record) and value.kind not in _INERT:
        value.state = state
    return value


def _new(kind: Any, *_: Any) -> Any:
    """An object from its class and arguments, without its state."""
    return _dictionary() if kind == Named("collections.OrderedDict") else Record(kind.name)


def _persistent(identity: Any) -> Any:
    """Torch's reference to a storage, or to a module with its saved source."""
    kind, *rest = identity
    if kind == "module":
        return rest[0]
    if kind != "storage":
        raise UnreadableError("refers to data of an unknown kind")
    storage_type, key, _, count, *view = rest
    start = 0
    if view and view[0] is not None:
        _, start, count = view[0]
    if not isinstance(key, str):
        raise UnreadableError("refers to data without a name")
    return Storage(key, storage_type.name, _integer(count), _integer(start))


_OPERATIONS: Mapping[str, Callable[[_Machine, Any], Any]] = MappingProxyType(
    {
        "PROTO": lambda machine, argument: None,
        "FRAME": lambda machine, argument: None,
        "STOP": lambda machine, argument: None,
        "MARK": lambda machine, argument: machine.stack.append(_MARK),
        "POP": lambda machine, argument: machine.stack.pop(),
        "POP_MARK": lambda machine, argument: machine.marked(),
        "DUP": lambda machine, argument: machine.stack.append(machine.stack[-1]),
        "EMPTY_TUPLE": lambda machine, argument: machine.stack.append(()),
        "TUPLE": lambda machine, argument: machine.stack.append(tuple(machine.marked())),
        "TUPLE1": lambda machine, argument: machine.replace(1, lambda *values: values),
        "TUPLE2": lambda machine, argument: machine.replace(2, lambda *values: values),
        "TUPLE3": lambda machine, argument: machine.replace(3, lambda *values: values),
        "EMPTY_LIST": lambda machine, argument: machine.stack.append([]),
        "EMPTY_SET": lambda machine, argument: machine.stack.append([]),
        "LIST": lambda machine, argument: machine.stack.append(machine.marked()),
        "FROZENSET": lambda machine, argument: machine.stack.append(machine.marked()),
        "APPEND": lambda machine, argument: machine.extend([machine.stack.pop()]),
        "APPENDS": lambda machine, argument: machine.extend(machine.marked()),
        "ADDITEMS": lambda machine, argument: machine.extend(machine.marked()),
        "EMPTY_DICT": lambda machine, argument: machine.stack.append({}),
        "DICT": lambda machine, argument: machine.push_dictionary(machine.marked()),
        "SETITEM": lambda machine, argument: machine.store(
            [machine.stack.pop(), machine.stack.pop()][::-1]
        ),
        "SETITEMS": lambda machine, argument: machine.store(machine.marked()),
        "GET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
        "BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
        "LONG_BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
        "PUT": lambda machine, argument: machine.memo.update({argument: machine.stack[-1]}),
        "BINPUT": lambda machine, argument: machine.memo.update({argument: machine.stack[-1]}),
        "LONG_BINPUT": lambda machine, argument: machine.memo.update({argument: machine.stack[-1]}),
        "MEMOIZE": lambda machine, argument: machine.memo.update({len(machine.memo): machine.stack[-1]}),
        "GLOBAL": lambda machine, argument: machine.stack.append(_named(*argument.split(" ", 1))),
        "STACK_GLOBAL": lambda machine, argument: machine.replace(2, _named),
        "REDUCE": lambda machine, argument: machine.replace(2, _call),
        "BUILD": lambda machine, argument: machine.replace(2, _build),
        "NEWOBJ": lambda machine, argument: machine.replace(2, _new),
        "NEWOBJ_EX": lambda machine, argument: machine.replace(3, _new),
        "INST": lambda machine, argument: machine.stack.append(
            _call(_named(*argument.split(" ", 1)), tuple(machine.marked()))
        ),
        "OBJ": lambda machine, argument: machine.stack.append(_call_first(machine.marked())),
        "BINPERSID": lambda machine, argument: machine.replace(1, _persistent),
    }
)  # fmt: skip
"""All other operations that checkpoints use."""
