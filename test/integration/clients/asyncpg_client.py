"""asyncpg: its type introspection, binary prepared statements, cursors, COPY and pool resets. Modes: see driver-world.ts."""

import asyncio
import os
import ssl
import sys

import asyncpg

REFUSED = "DROP TABLE users"


async def reads():
    connection = await asyncpg.connect()
    print("server", connection.get_settings().server_encoding, connection.get_settings().TimeZone)
    for row in await connection.fetch("SELECT * FROM users WHERE id < $1 ORDER BY id", 4):
        print("row", dict(row))
    statement = await connection.prepare("SELECT home, feeling, years, tags, mail FROM users WHERE id = ANY($1::int[])")
    print("parameters", statement.get_parameters())
    print("attributes", [(one.name, one.type.name, one.type.kind) for one in statement.get_attributes()])
    print("prepared", [tuple(row) for row in await statement.fetch([5, 6])])
    print("ranges", await connection.fetchval("SELECT $1::int4multirange", [asyncpg.Range(1, 3)]))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        seen = [row["id"] async for row in connection.cursor("SELECT id FROM users ORDER BY id", prefetch=30)]
        print("cursor", len(seen), seen[:3])
        async with connection.transaction():
            print("savepoint", await connection.fetchval("SELECT count(*) FROM orders"))
    out = []

    async def keep(data):
        out.append(bytes(data))

    print("copied", await connection.copy_from_query("SELECT id, name FROM users WHERE id < 3 ORDER BY id", output=keep))
    print("copied", await connection.copy_from_table("orders", columns=["id"], output=keep), b"".join(out)[:20])
    # A value of a type that has to be looked up by name.
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=lambda text: ("json", text))
    print("codec", await connection.fetchval("SELECT data FROM users WHERE id = 1"))
    await connection.set_builtin_type_codec("mood", schema="public", codec_name="text")
    print("builtin", await connection.fetchval("SELECT feeling FROM users WHERE id = 1"))
    await connection.reload_schema_state()
    print("again", await connection.fetchval("SELECT feeling FROM users WHERE id = 2"))
    await connection.close()


async def code_of(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return "none"


async def session():
    pool = await asyncpg.create_pool(min_size=1, max_size=1)
    async with pool.acquire() as connection:
        statement = await connection.prepare("SELECT name FROM users WHERE id = $1")
        print("prepared:", await statement.fetchval(7))
        print("prepared again:", await statement.fetchval(8))
        print("denied:", await code_of(connection.execute(REFUSED)))
        assert await code_of(connection.fetch(REFUSED)) == "42501"
        print("then:", await connection.fetchval("SELECT 1"))
        transaction = connection.transaction()
        await transaction.start()
        done = await connection.execute("INSERT INTO notes (body) VALUES ($1)", "rolled back")
        print("in a transaction:", done.split()[-1])
        print("denied there:", await code_of(connection.execute(REFUSED)))
        print("still failed:", await code_of(connection.fetchval("SELECT 1")))
        await transaction.rollback()
        print("after the rollback:", await connection.fetchval("SELECT count(*) FROM notes"))
        async with connection.transaction():
            await connection.copy_records_to_table("notes", records=[("kept",)], columns=["body"])
            await connection.executemany("UPDATE notes SET body = body WHERE body = $1", [("kept",), ("none",)])
        print("written: %s %s" % tuple(await connection.fetchrow("SELECT body, version FROM notes")))
        await connection.execute("DELETE FROM notes WHERE body = 'kept'")
    # The pool resets the connection when it comes back: advisory locks, cursors, LISTEN, parameters.
    async with pool.acquire() as connection:
        await connection.reset()
        await connection.execute("DISCARD ALL")
        # Another text than before: the driver keeps its prepared statement of that one, which is gone.
        print("reset:", await connection.fetchval("SELECT 0 + 1", timeout=60))
    await pool.close()


async def denied(texts):
    connection = await asyncpg.connect()
    for number, text in enumerate(texts):
        # Without values as one message, with a cursor over the extended protocol: by turns.
        run = connection.execute(text) if number % 2 == 0 else connection.fetch(text)
        print(await code_of(run), await connection.fetchval("SELECT 1"))
    await connection.close()


async def tls(pairs):
    for port, mode in zip(pairs[::2], pairs[1::2]):
        try:
            # It reads PGSSLROOTCERT by itself only in newer versions.
            secure = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"]) if mode == "verify-full" else mode
            connection = await asyncpg.connect(port=int(port), ssl=secure)
            print(f"{mode}:", "ok" if await connection.fetchval("SELECT 1") == 1 else "wrong")
            await connection.close()
        except (ConnectionError, asyncpg.PostgresError, OSError):
            print(f"{mode}: refused")


more = {"denied": lambda: denied(sys.argv[2:]), "tls": lambda: tls(sys.argv[2:])}
asyncio.run(({"reads": reads, "session": session} | more)[sys.argv[1]]())
