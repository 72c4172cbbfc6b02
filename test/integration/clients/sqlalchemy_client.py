"""SQLAlchemy over psycopg2: first connect, reflection of everything its inspector knows, and the ORM. Modes: see driver-world.ts."""

import os
import sys

import sqlalchemy
from sqlalchemy import MetaData, create_engine, event, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

REFUSED = "DROP TABLE users"
engine = create_engine("postgresql+psycopg2://", pool_size=1, max_overflow=0)


def reads():
    inspector = inspect(engine)
    print("dialect", engine.dialect.default_schema_name, engine.dialect.server_version_info)
    print("schemas", sorted(inspector.get_schema_names()))
    for schema in ("public", "shop"):
        print("views", schema, sorted(inspector.get_view_names(schema)), inspector.get_sequence_names(schema))
        for view in sorted(inspector.get_view_names(schema)):
            print("definition", view, inspector.get_view_definition(view, schema))
        for table in sorted(inspector.get_table_names(schema)):
            print("table", schema, table, inspector.get_table_options(table, schema))
            print("columns", [(one["name"], repr(one["type"]), one["nullable"], one["default"], one.get("comment"), one.get("computed"), one.get("identity")) for one in inspector.get_columns(table, schema)])
            print("keys", inspector.get_pk_constraint(table, schema), inspector.get_foreign_keys(table, schema))
            print("indexes", sorted(inspector.get_indexes(table, schema), key=lambda one: one["name"]))
            print("constraints", sorted(inspector.get_unique_constraints(table, schema), key=lambda one: one["name"]), inspector.get_check_constraints(table, schema))
            print("comment", inspector.get_table_comment(table, schema))
    print("enums", inspector.get_enums("*"))
    with engine.connect() as connection:
        print("sequence", engine.dialect.has_sequence(connection, "numbers", "shop"))
    print("has", inspector.has_table("users"), inspector.has_table("none"))


def automap():
    from sqlalchemy.ext.automap import automap_base

    Base = automap_base()
    if sqlalchemy.__version__ < "2":
        Base.prepare(engine, reflect=True)
    else:
        Base.prepare(autoload_with=engine)
    with Session(engine) as orm:
        user = orm.get(Base.classes.users, 3)
        print("mapped", user.name, user.tags, user.data, user.feeling)
        print("related", sorted(order.id for order in user.orders_collection))
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        print("isolation", connection.execute(text("SHOW transaction_isolation")).scalar())


def code_of(run):
    try:
        run()
    except DBAPIError as error:
        return error.orig.pgcode
    return "none"


def session():
    with Session(engine) as orm:
        by_id = text("SELECT name FROM users WHERE id = :id")
        print("prepared:", orm.execute(by_id, {"id": 7}).scalar())
        print("prepared again:", orm.execute(by_id, {"id": 8}).scalar())
        print("denied:", code_of(lambda: orm.execute(text(REFUSED))))
        orm.rollback()
        print("then:", orm.execute(text("SELECT 1")).scalar())
        print("in a transaction:", orm.execute(text("INSERT INTO notes (body) VALUES ('rolled back')")).rowcount)
        with_savepoint = orm.begin_nested()
        assert code_of(lambda: orm.execute(text(REFUSED))) == "42501"
        with_savepoint.rollback()
        print("denied there:", code_of(lambda: orm.execute(text(REFUSED))))
        # The session refuses by itself to go on; the connection below it is asked.
        failed = orm.connection().connection.cursor()
        try:
            failed.execute("SELECT 1")
        except Exception as error:
            print("still failed:", error.pgcode)
        orm.rollback()
        print("after the rollback:", orm.execute(text("SELECT count(*) FROM notes")).scalar())
        orm.rollback()
    tables = MetaData()
    tables.reflect(engine, only=["notes"])
    notes = tables.tables["notes"]
    with engine.begin() as connection:
        connection.execute(notes.insert().returning(notes.c.id), [{"body": "kept"}])
        connection.execute(notes.update().where(notes.c.body == "kept").values(body="kept"))
    with engine.begin() as connection:
        print("written: %s %s" % tuple(connection.execute(select(notes.c.body, notes.c.version) if sqlalchemy.__version__ >= "2" else select([notes.c.body, notes.c.version])).one()))
        connection.execute(notes.delete().where(notes.c.body == "kept"))
    engine.dispose()

    @event.listens_for(engine, "reset")
    def reset(dbapi_connection, *_):
        with dbapi_connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
            dbapi_connection.autocommit = True
            cursor.execute("DISCARD ALL")
            dbapi_connection.autocommit = False

    for _ in range(2):
        with engine.connect() as connection:
            last = connection.execute(text("SELECT 1")).scalar()
    print("reset:", last)


def tls(pairs):
    for port, mode in zip(pairs[::2], pairs[1::2]):
        try:
            url = f"postgresql+psycopg2://agent@127.0.0.1:{port}/app?sslmode={mode}"
            with create_engine(url, pool_pre_ping=True).connect() as connection:
                print(f"{mode}:", "ok" if connection.execute(text("SELECT 1")).scalar() == 1 else "wrong")
        except DBAPIError:
            print(f"{mode}: refused")


def all_reads():
    reads()
    automap()


{"reads": all_reads, "session": session, "tls": lambda: tls(sys.argv[2:])}[sys.argv[1]]()
