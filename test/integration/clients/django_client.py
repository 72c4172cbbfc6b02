"""Django: inspectdb, introspection, the checks that migrate makes before it changes anything, and models. Modes: see driver-world.ts."""

import os
import sys

import django
from django.conf import settings
from django.db.utils import DatabaseError, OperationalError

REFUSED = "DROP TABLE users"


def database(port=None, mode=None):
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": port or os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "NAME": os.environ["PGDATABASE"],
        "OPTIONS": {"sslmode": mode} if mode else {},
    }


pairs = list(zip(sys.argv[2::2], sys.argv[3::2]))
settings.configure(
    DATABASES={"default": database(), **{f"{port} {mode}": database(port, mode) for port, mode in pairs}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    TIME_ZONE="Europe/Berlin",
)
django.setup()

from django.core.management import call_command
from django.db import connection, connections, models, transaction
from django.db.migrations.executor import MigrationExecutor


class User(models.Model):
    name = models.TextField()
    born = models.DateField()
    seen = models.DateTimeField()
    data = models.JSONField()
    score = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label, managed, db_table = "app", False, "users"


class Order(models.Model):
    user = models.ForeignKey(User, models.DO_NOTHING)
    total = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label, managed, db_table = "app", False, "orders"


class Note(models.Model):
    body = models.TextField()
    version = models.IntegerField(default=1)

    class Meta:
        app_label, managed, db_table = "app", False, "notes"


def reads():
    call_command("inspectdb", include_views=True, include_partitions=True)
    with connection.cursor() as cursor:
        introspection = connection.introspection
        for table in sorted(introspection.table_names(cursor, include_views=True)):
            print("description", table, introspection.get_table_description(cursor, table))
            print("constraints", table, sorted(introspection.get_constraints(cursor, table).items()))
            print("sequences", table, introspection.get_sequences(cursor, table))
            print("relations", table, introspection.get_relations(cursor, table))
    call_command("check", databases=["default"])
    call_command("showmigrations")
    print("plan", len(MigrationExecutor(connection).migration_plan([("auth", None)])))
    call_command("migrate", plan=True)
    print("version", connection.pg_version, connection.timezone_name)
    print("rows", list(User.objects.filter(id__lt=4, data__n__gte=1).order_by("id").values()))
    print("joined", list(Order.objects.select_related("user").filter(user__name__iexact="USER 5").values_list("id", "user__name")))
    print("years", list(User.objects.dates("born", "month")), User.objects.filter(seen__year=2026).count())
    print("sum", Order.objects.aggregate(models.Sum("total"), models.Avg("total")))
    print("iterated", sum(1 for _ in User.objects.all().iterator(chunk_size=50)))
    print("explained", User.objects.filter(id=1).explain())
    print("first", User.objects.order_by("-id").first().name, User.objects.filter(id=1).exists())


def code_of(run):
    try:
        run()
    except DatabaseError as error:
        return getattr(error.__cause__, "sqlstate", None) or error.__cause__.pgcode
    return "none"


def session():
    print("prepared:", User.objects.get(id=7).name)
    print("prepared again:", User.objects.get(id=8).name)
    cursor = connection.cursor()
    print("denied:", code_of(lambda: cursor.execute(REFUSED)))
    cursor.execute("SELECT 1")
    print("then:", cursor.fetchone()[0])
    try:
        with transaction.atomic():
            Note.objects.create(body="rolled back")
            print("in a transaction:", Note.objects.count())
            print("denied there:", code_of(lambda: cursor.execute(REFUSED)))
            print("still failed:", code_of(lambda: cursor.execute("SELECT 1")))
            raise KeyError("leave the block")
    except KeyError:
        print("after the rollback:", Note.objects.count())
    with transaction.atomic():
        kept = Note.objects.create(body="kept")
        with transaction.atomic():
            kept.save()
        try:
            with transaction.atomic():
                cursor.execute(REFUSED)
        except DatabaseError:
            pass  # rolled back to its savepoint; the outer transaction lives
    print("written: %s %s" % Note.objects.values_list("body", "version").get())
    Note.objects.filter(body="kept").delete()
    cursor.execute("DISCARD ALL")
    assert connection.is_usable()
    cursor.execute("SELECT 1")
    print("reset:", cursor.fetchone()[0])


def tls():
    for port, mode in pairs:
        try:
            with connections[f"{port} {mode}"].cursor() as cursor:
                cursor.execute("SELECT 1")
                print(f"{mode}:", "ok" if cursor.fetchone() == (1,) else "wrong")
        except OperationalError:
            print(f"{mode}: refused")


{"reads": reads, "session": session, "tls": tls}[sys.argv[1]]()
