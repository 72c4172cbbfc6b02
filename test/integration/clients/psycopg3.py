"""psycopg 3: what it sends at connect, for types, in pipelines, for server-side cursors and COPY. Modes: see driver-world.ts."""

import os
import sys

import psycopg
from psycopg.types.enum import EnumInfo
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.range import RangeInfo, register_range

REFUSED = "DROP TABLE users"


def reads():
    with psycopg.connect("") as connection:
        print("transaction", connection.info.transaction_status.name, connection.info.encoding)
        print("enum", EnumInfo.fetch(connection, "mood").labels)
        register_composite(CompositeInfo.fetch(connection, "address"), connection)
        register_range(RangeInfo.fetch(connection, "span"), connection)
        rows = connection.execute("SELECT * FROM users WHERE id < %s ORDER BY id", (4,))
        print("columns", [(column.name, column.type_code) for column in rows.description])
        for row in rows:
            print("row", row)
        with connection.cursor(binary=True) as cursor:
            print("binary", cursor.execute("SELECT id, seen, token, tags FROM users WHERE id = %s", [5]).fetchall())
        with connection.cursor(name="by_name") as cursor:
            cursor.execute("SELECT id FROM users ORDER BY id")
            print("server side", cursor.fetchmany(3), len(cursor.fetchall()))
            cursor.scroll(0, mode="absolute")
            print("scrolled", cursor.fetchone())
        with connection.cursor() as cursor:
            print("stream", sum(1 for _ in cursor.stream("SELECT * FROM orders")))
            with cursor.copy("COPY (SELECT id, name FROM users WHERE id < 4 ORDER BY id) TO STDOUT") as copy:
                print("copied", list(copy.rows()))
            print("many", [cursor.execute("SELECT %s::int + 1", [n], prepare=True).fetchone() for n in range(7)])
        connection.commit()
        with connection.pipeline():
            answers = [connection.execute("SELECT name FROM users WHERE id = %s", [n]) for n in (1, 2, 3)]
            print("pipeline", [answer.fetchone() for answer in answers])
        with connection.transaction():
            with connection.transaction():
                print("nested", connection.execute("SELECT count(*) FROM orders").fetchone())
        connection.rollback()
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        print("read only", connection.execute("SHOW transaction_isolation").fetchone())
        connection.rollback()
        # Two phases: only the identifiers are listed here.
        print("recoverable", connection.tpc_recover())
        connection.rollback()
    print("autocommit", psycopg.connect("", autocommit=True).execute("SELECT 1").fetchone())


def code_of(run):
    try:
        run()
    except psycopg.Error as error:
        return error.sqlstate
    return "none"


def session():
    connection = psycopg.connect("", autocommit=True, prepare_threshold=0)
    by_id = lambda n: connection.execute("SELECT name FROM users WHERE id = %s", [n]).fetchone()[0]
    print("prepared:", by_id(7))
    print("prepared again:", by_id(8))
    print("denied:", code_of(lambda: connection.execute(REFUSED)))
    print("then:", connection.execute("SELECT 1").fetchone()[0])
    connection.autocommit = False
    inserted = connection.execute("INSERT INTO notes (body) VALUES (%s)", ["rolled back"])
    print("in a transaction:", inserted.rowcount)
    print("denied there:", code_of(lambda: connection.execute(REFUSED)))
    print("still failed:", code_of(lambda: connection.execute("SELECT 1")))
    connection.rollback()
    print("after the rollback:", connection.execute("SELECT count(*) FROM notes").fetchone()[0])
    connection.rollback()
    # A denial in the middle of a pipeline ends the pipeline's transaction, and the connection goes on.
    def pipeline():
        with connection.pipeline():
            connection.execute("INSERT INTO notes (body) VALUES ('pipeline')")
            connection.execute(REFUSED)
            connection.execute("INSERT INTO notes (body) VALUES ('behind')")
    assert code_of(pipeline) == "42501"
    connection.rollback()
    with connection.cursor() as cursor:
        with cursor.copy("COPY notes (body) FROM STDIN") as copy:
            copy.write_row(["kept"])
    connection.execute("UPDATE notes SET body = body WHERE body = %s", ["kept"])
    connection.commit()
    print("written: %s %s" % connection.execute("SELECT body, version FROM notes").fetchone())
    connection.execute("DELETE FROM notes WHERE body = 'kept'")
    connection.commit()
    connection.autocommit = True
    for reset in ["DISCARD ALL", "DEALLOCATE ALL", "RESET ALL"]:
        connection.execute(reset)
    connection.prepare_threshold = None
    print("reset:", connection.execute("SELECT 1").fetchone()[0])


def denied(texts):
    connection = psycopg.connect("", autocommit=True)
    for text in texts:
        print(code_of(lambda: connection.execute(text)), connection.execute("SELECT 1").fetchone()[0])


def tls(pairs):
    for port, mode in zip(pairs[::2], pairs[1::2]):
        try:
            with psycopg.connect("", port=port, sslmode=mode, gssencmode="prefer") as connection:
                encrypted = connection.pgconn.ssl_in_use
                assert encrypted == (mode not in ("disable", "prefer")) or mode == "prefer"
                print(f"{mode}:", "ok" if connection.execute("SELECT 1").fetchone() == (1,) else "wrong")
        except psycopg.OperationalError:
            print(f"{mode}: refused")


more = {"denied": lambda: denied(sys.argv[2:]), "tls": lambda: tls(sys.argv[2:])}
({"reads": reads, "session": session} | more)[sys.argv[1]]()
