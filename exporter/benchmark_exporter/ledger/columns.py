"""Structs as columns: the names that a statement lists, the values it binds, and the struct back
from a row.

A field is a column of its name. A field that is itself a struct or a named tuple stands for its own
fields, in its place. A tuple or a mapping is one column of JSON, and a bool is stored as 0 or 1.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from sys import intern
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from benchmark_exporter.model import Scope

Row = TypeVar("Row", bound=msgspec.Struct)
Key = tuple[Any, ...]


def to_json(value: object) -> str:
    """How labels, bounds and the like are stored in one column."""
    return msgspec.json.encode(value).decode()


class Columns(Generic[Row]):
    """The columns of a struct. `names` has the columns that are not named as their fields are.

    `without` are fields that are not stored: the last ones of their struct, which must have
    defaults.
    """

    def __init__(
        self,
        row: type[Row],
        *,
        names: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._row = row
        self._nested: list[tuple[int, int, type]] = []  # the first column, the fields, the type
        self._decode: list[tuple[int, Callable[[Any], Any]]] = []
        self._json: list[int] = []
        self._texts: list[int] = []
        found: list[str] = []  # the attribute of each column, of a nested struct with a dot
        self._add_fields(row, without, found)
        self._nested.sort(key=lambda nested: -nested[0])  # inner ones stay before their outer
        fields = [attribute.rpartition(".")[2] for attribute in found]
        self.names: Sequence[str] = [(names or {}).get(field, field) for field in fields]
        self.read = self._reader()
        # The values of a struct, in the order of the columns.
        self.values = self._writer(found)

    def _add_fields(
        self, row: type, without: Collection[str], found: list[str], outer: str = ""
    ) -> int:
        fields = [field for field in _fields(row) if field[0] not in without]
        for name, hint in fields:
            start, kinds = len(found), _kinds(hint)
            nested = next((kind for kind in kinds if _is_nested(kind)), None)
            if nested is not None:
                count = self._add_fields(nested, without, found, f"{outer}{name}.")
                self._nested.append((start, count, nested))
                continue
            found.append(outer + name)
            if tuple in kinds or Mapping in kinds:
                json = msgspec.json.Decoder(tuple if tuple in kinds else dict).decode
                self._decode.append((start, _unless_null(json) if NoneType in kinds else json))
                self._json.append(start)
            elif str in kinds or Literal in kinds:
                self._texts.append(start)  # of nested rows, which are kept: most texts recur
            elif bool in kinds:
                self._decode.append((start, _unless_null(bool) if NoneType in kinds else bool))
        return len(fields)

    def _reader(self) -> Callable[[Sequence[Any]], Row]:
        """A function that gives the struct of a row which has the columns in this order."""
        row, decoders, groups, texts = self._row, self._decode, self._nested, self._texts

        def read_plain(values: Sequence[Any]) -> Row:
            return row(*values)

        def read_first(values: Sequence[Any]) -> Row:  # labels, which most rows of a state have
            return row(decoders[0][1](values[0]), *values[1:])

        def read(values: Sequence[Any]) -> Row:
            fields = list(values)
            for column in texts:
                if type(text := fields[column]) is str:  # NULL is not
                    fields[column] = intern(text)
            for column, decode in decoders:
                fields[column] = decode(fields[column])
            for start, count, nested in groups:
                make = _scope if nested is Scope else nested
                fields[start : start + count] = (make(*fields[start : start + count]),)
            return row(*fields)

        if not groups and not decoders:
            return read_plain
        return read_first if not groups and [at for at, _ in decoders] == [0] else read

    def _writer(self, attributes: Sequence[str]) -> Callable[[Row], Key]:
        """A function that gives the values of these attributes of a struct."""
        first, json = attributes[0], self._json
        # Of one attribute, it returns that and not a tuple.
        plain: Callable[[Row], Key] = attrgetter(*attributes)
        if len(attributes) == 1:

            def plain(row: Row) -> Key:
                return (getattr(row, first),)

        def with_json(row: Row) -> Key:
            values = list(plain(row))
            for column in json:
                if values[column] is not None:
                    values[column] = to_json(values[column])
            return tuple(values)

        return with_json if json else plain

    def query(self, source: str, **expressions: str) -> "Query[Row]":
        """Selects the columns from `source`, which begins with FROM.

        A column may be an expression, given by its name.
        """
        if unknown := expressions.keys() - set(self.names):
            raise TypeError(f"{self._row.__name__} has no columns {sorted(unknown)}")
        listed = ", ".join(expressions.get(name, name) for name in self.names)
        return Query(f"SELECT {listed} {source}", self)


class Query(Generic[Row]):
    """A statement that selects a struct's columns."""

    def __init__(self, statement: str, columns: Columns[Row]) -> None:
        self._statement = statement
        self._read = columns.read

    def rows(
        self,
        connection: sqlite3.Connection,
        parameters: Sequence[object] | Mapping[str, object] = (),
    ) -> Iterator[Row]:
        """The rows, read as they are asked for."""
        return map(self._read, connection.execute(self._statement, parameters))


class Table(Generic[Row]):
    """A table: the columns of its key, its other columns as a struct, and the statements for a
    whole row.

    Columns of the key may be in the struct too. A table without a key has one row if `one_row`,
    otherwise rows that are only added: it has no `select`, `replace` and `delete`.
    """

    def __init__(
        self,
        name: str,
        key: Sequence[str],
        row: type[Row],
        *,
        names: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        one_row: bool = False,
    ) -> None:
        self.name = name
        self.columns = Columns(row, names=names, without=without)
        columns = self.columns.names
        self.key: Sequence[str] = tuple(key)
        self._key_apart = [index for index, column in enumerate(key) if column not in columns]
        self._labels = key.index("labels") if "labels" in key else None
        every = [*(key[index] for index in self._key_apart), *columns]
        self.all_names: Sequence[str] = every
        values = f"INTO {name} ({', '.join(every)}) VALUES ({', '.join('?' * len(every))})"
        # The values of `insert`, `insert_new` and `replace`, of a key and a row.
        self.bind = self._binder()
        self.insert = f"INSERT {values}"
        self.insert_new = f"INSERT {values} ON CONFLICT DO NOTHING"
        if not key and not one_row:
            return
        listed, changes = ", ".join(columns), ", ".join(f"{column} = ?" for column in columns)
        where = " AND ".join(f"{column} = ?" for column in key) or "TRUE"
        self.select = f"SELECT {listed} FROM {name} WHERE {where}"  # noqa: S608  # names of the schema
        self.delete = f"DELETE FROM {name} WHERE {where}"  # noqa: S608  # likewise
        self.replace = f"INSERT OR REPLACE {values}"
        if one_row:
            self.replace = f"UPDATE {name} SET {changes}"  # noqa: S608  # likewise

    def bind_key(self, key: Key) -> Key:
        """The values of `select` and `delete`."""
        if self._labels is None:
            return key
        labels = self._labels
        return (*key[:labels], to_json(key[labels]), *key[labels + 1 :])

    def _binder(self) -> Callable[[Key, Row], Key]:
        """The function `bind`: most of a burst's rows pass through it."""
        values, apart, bind_key = self.columns.values, self._key_apart, self.bind_key

        def bind_without_key(_: Key, row: Row) -> Key:
            return values(row)

        def bind_with_key(key: Key, row: Row) -> Key:
            return (*key, *values(row))

        def bind_with_part(key: Key, row: Row) -> Key:
            bound = bind_key(key)
            return (*(bound[index] for index in apart), *values(row))

        if not apart:
            return bind_without_key
        is_whole = len(apart) == len(self.key) and self._labels is None
        return bind_with_key if is_whole else bind_with_part


@lru_cache(maxsize=16_384)
def _scope(project: str, environment: str, machine_class: str, branch: str) -> Scope:
    """A scope, which most rows of a state share with others, so that it takes memory once."""
    return Scope(project, environment, machine_class, branch)


def _kinds(hint: Any) -> list[Any]:
    """The types that a field may have, generic ones by their origin."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [get_origin(option) or option for option in options]


def _unless_null(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else decode(value)


def _is_nested(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or hasattr(kind, "_fields"))


def _fields(row: type) -> Sequence[tuple[str, Any]]:
    if issubclass(row, msgspec.Struct):
        return [(field.name, field.type) for field in msgspec.structs.fields(row)]
    return list(row.__annotations__.items())  # a named tuple
