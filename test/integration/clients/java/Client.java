// The JDBC driver: simple and prepared statements on both sides of its prepare threshold, cursors, batches, COPY, and the whole of
// DatabaseMetaData, from which DBeaver, DataGrip, Metabase and Hibernate take a schema. Modes: see driver-world.ts.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;

public class Client {
  static final String REFUSED = "DROP TABLE users";

  static Connection connect(String port, String... more) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    if (System.getenv("PGPASSWORD") != null) {
      properties.setProperty("password", System.getenv("PGPASSWORD"));
    }
    for (int index = 0; index < more.length; index += 2) {
      properties.setProperty(more[index], more[index + 1]);
    }
    return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/app", properties);
  }

  static Connection connect() throws SQLException {
    return connect(System.getenv("PGPORT"), "reWriteBatchedInserts", "true", "ApplicationName", "agent");
  }

  /** Prints every row, sorted: the order of some lists is the server's choice. */
  static void print(String name, ResultSet rows) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    List<String> lines = new ArrayList<>();
    while (rows.next()) {
      StringBuilder line = new StringBuilder(name);
      for (int index = 1; index <= columns.getColumnCount(); index += 1) {
        line.append(' ').append(columns.getColumnLabel(index)).append('=').append(rows.getString(index));
      }
      lines.add(line.toString());
    }
    rows.close();
    lines.sort(Comparator.naturalOrder());
    System.out.println(name + " rows " + lines.size());
    lines.forEach(System.out::println);
  }

  static Object one(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getObject(1);
    }
  }

  static void metaData(DatabaseMetaData data) throws SQLException {
    System.out.println(data.getDatabaseProductVersion() + " " + data.getMaxConnections() + " " + data.getSQLKeywords().length());
    print("schemas", data.getSchemas());
    print("some schemas", data.getSchemas("app", "sh%"));
    print("catalogs", data.getCatalogs());
    print("table types", data.getTableTypes());
    print("type info", data.getTypeInfo());
    print("client info", data.getClientInfoProperties());
    String[] kinds = {"TABLE", "VIEW", "PARTITIONED TABLE", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE", "TYPE", "INDEX", "SYSTEM TABLE"};
    print("all tables", data.getTables(null, null, "%", kinds));
    print("tables", data.getTables("app", "public", "%", new String[] {"TABLE", "VIEW"}));
    print("catalogue columns", data.getColumns(null, "pg_catalog", "pg_class", "%"));
    print("keys of all", data.getImportedKeys(null, "shop", null));
    for (String[] at : new String[][] {{"public", "users"}, {"public", "orders"}, {"shop", "items"}, {"shop", "events"}}) {
      print("columns", data.getColumns("app", at[0], at[1], "%"));
      print("primary", data.getPrimaryKeys(null, at[0], at[1]));
      print("imported", data.getImportedKeys(null, at[0], at[1]));
      print("exported", data.getExportedKeys(null, at[0], at[1]));
      print("indexes", data.getIndexInfo(null, at[0], at[1], false, true));
      print("rights", data.getTablePrivileges(null, at[0], at[1]));
      print("column rights", data.getColumnPrivileges(null, at[0], at[1], "%"));
      print("row id", data.getBestRowIdentifier(null, at[0], at[1], DatabaseMetaData.bestRowSession, true));
      print("versions", data.getVersionColumns(null, at[0], at[1]));
    }
    print("cross", data.getCrossReference(null, "public", "users", null, "public", "orders"));
    print("functions", data.getFunctions(null, "public", "%"));
    print("function columns", data.getFunctionColumns(null, "public", "add", "%"));
    print("procedures", data.getProcedures(null, "public", "%"));
    print("procedure columns", data.getProcedureColumns(null, "public", "%", "%"));
    print("types", data.getUDTs(null, "public", "%", null));
    System.out.println(data.getStringFunctions() + data.getNumericFunctions() + data.getSystemFunctions());
  }

  static void reads() throws Exception {
    try (Connection connection = connect()) {
      metaData(connection.getMetaData());
      System.out.println("valid " + connection.isValid(5) + " " + connection.getSchema() + " " + connection.getCatalog());
      connection.setSchema("shop");
      System.out.println("schema " + connection.getSchema() + " " + one(connection, "SELECT count(*) FROM events"));
      connection.setSchema("public");
      connection.setClientInfo("ApplicationName", "renamed");
      System.out.println("name " + one(connection, "SHOW application_name"));
      // Eight times: from the fifth on as a named statement on the server.
      try (PreparedStatement prepared = connection.prepareStatement("SELECT * FROM users WHERE id = ? AND name LIKE ?")) {
        ParameterMetaData parameters = prepared.getParameterMetaData();
        System.out.println("parameters " + parameters.getParameterTypeName(1) + " " + parameters.getParameterTypeName(2));
        ResultSetMetaData columns = prepared.getMetaData();
        for (int index = 1; index <= columns.getColumnCount(); index += 1) {
          System.out.println("column " + columns.getColumnName(index) + " " + columns.getColumnTypeName(index) + " " + columns.isAutoIncrement(index) + " " + columns.isNullable(index));
        }
        for (int id = 1; id <= 8; id += 1) {
          prepared.setInt(1, id);
          prepared.setString(2, "user%");
          print("prepared", prepared.executeQuery());
        }
      }
      try (PreparedStatement arrays = connection.prepareStatement("SELECT id, tags, seen, born, score, token FROM users WHERE id = ANY (?) ORDER BY id")) {
        arrays.setArray(1, connection.createArrayOf("int4", new Integer[] {2, 3}));
        ResultSet rows = arrays.executeQuery();
        while (rows.next()) {
          System.out.println("array " + rows.getArray(2) + " " + rows.getTimestamp(3).getTime() + " " + rows.getDate(4) + " " + rows.getBigDecimal(5) + " " + rows.getObject(6));
        }
      }
      print("escape", connection.createStatement().executeQuery("SELECT {fn ucase('a')} AS up, {d '2026-01-02'} AS day"));
      Statement several = connection.createStatement();
      for (boolean more = several.execute("SELECT 1 AS a; SELECT 2 AS b; -- done"); more; more = several.getMoreResults()) {
        print("several", several.getResultSet());
      }
      connection.setAutoCommit(false);
      try (Statement cursor = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
        cursor.setFetchSize(50);
        int count = 0;
        for (ResultSet rows = cursor.executeQuery("SELECT id FROM orders ORDER BY id"); rows.next(); ) {
          count += 1;
        }
        System.out.println("cursor " + count);
      }
      try (Statement updatable = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
        ResultSet rows = updatable.executeQuery("SELECT id, name FROM users ORDER BY id");
        System.out.println("scroll " + rows.absolute(7) + " " + rows.getString("name"));
      }
      connection.commit();
      connection.setReadOnly(true);
      connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      System.out.println("isolation " + one(connection, "SHOW transaction_isolation") + " " + one(connection, "SHOW transaction_read_only"));
      connection.rollback();
      connection.setReadOnly(false);
      System.out.println("writable again " + one(connection, "SHOW transaction_read_only"));
      connection.rollback();
      StringWriter copied = new StringWriter();
      connection.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY (SELECT id, name FROM users WHERE id < 4 ORDER BY id) TO STDOUT", copied);
      System.out.println("copied " + copied);
      connection.rollback();
    }
  }

  interface Step {
    void run() throws SQLException;
  }

  static String codeOf(Step step) {
    try {
      step.run();
      return "none";
    } catch (SQLException error) {
      return error.getSQLState();
    }
  }

  static void session() throws Exception {
    Connection connection = connect();
    connection.unwrap(PGConnection.class).setPrepareThreshold(1);
    PreparedStatement byId = connection.prepareStatement("SELECT name FROM users WHERE id = ?");
    for (int id = 7; id <= 8; id += 1) {
      byId.setInt(1, id);
      ResultSet rows = byId.executeQuery();
      rows.next();
      System.out.println((id == 7 ? "prepared: " : "prepared again: ") + rows.getString(1));
    }
    Statement statement = connection.createStatement();
    System.out.println("denied: " + codeOf(() -> statement.execute(REFUSED)));
    System.out.println("then: " + one(connection, "SELECT 1"));
    connection.setAutoCommit(false);
    System.out.println("in a transaction: " + statement.executeUpdate("INSERT INTO notes (body) VALUES ('rolled back')"));
    Savepoint savepoint = connection.setSavepoint("before");
    if (!codeOf(() -> statement.execute(REFUSED)).equals("42501")) {
      throw new IllegalStateException("not denied after a savepoint");
    }
    connection.rollback(savepoint);
    System.out.println("denied there: " + codeOf(() -> statement.execute(REFUSED)));
    System.out.println("still failed: " + codeOf(() -> one(connection, "SELECT 1")));
    connection.rollback();
    System.out.println("after the rollback: " + one(connection, "SELECT count(*) FROM notes"));
    connection.rollback();
    // A denied statement in a batch fails the batch, and what was sent with it is rolled back.
    statement.addBatch("INSERT INTO notes (body) VALUES ('batch')");
    statement.addBatch(REFUSED);
    statement.addBatch("INSERT INTO notes (body) VALUES ('batch')");
    if (!codeOf(statement::executeBatch).equals("42501")) {
      throw new IllegalStateException("the batch was not denied");
    }
    connection.rollback();
    statement.clearBatch();
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO notes (body) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
      for (String body : new String[] {"one", "two", "three", "four", "five"}) {
        insert.setString(1, body);
        insert.addBatch();
      }
      insert.executeBatch();
    }
    connection.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY notes (body) FROM STDIN", new StringReader("kept\n"));
    try (PreparedStatement update = connection.prepareStatement("UPDATE notes SET body = body WHERE body = ?")) {
      update.setString(1, "kept");
      update.executeUpdate();
    }
    statement.executeUpdate("DELETE FROM notes WHERE body IN ('one', 'two', 'three', 'four', 'five')");
    connection.commit();
    System.out.println("written: " + one(connection, "SELECT body || ' ' || version FROM notes"));
    statement.executeUpdate("DELETE FROM notes WHERE body = 'kept'");
    connection.commit();
    connection.setAutoCommit(true);
    for (String reset : new String[] {"DISCARD ALL", "DEALLOCATE ALL", "RESET ALL", "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;"}) {
      statement.execute(reset);
    }
    System.out.println("reset: " + one(connection, "SELECT 0 + 1"));
    connection.close();
  }

  /** Over both protocols: pgjdbc's ordinary one, and simple queries. */
  static void denied(String[] texts) throws SQLException {
    for (String mode : new String[] {"extended", "simple"}) {
      try (Connection connection = connect(System.getenv("PGPORT"), "preferQueryMode", mode)) {
        for (int index = 1; index < texts.length; index += 1) {
          String text = texts[index];
          String code = codeOf(() -> connection.createStatement().execute(text));
          Object then = one(connection, "SELECT 1");
          if (mode.equals("simple") || !code.equals("42501") || !then.equals(1)) {
            System.out.println(code + " " + then);
          }
        }
      }
    }
  }

  static void tls(String[] pairs) {
    for (int index = 1; index + 1 < pairs.length; index += 2) {
      String mode = pairs[index + 1];
      try (Connection connection = connect(pairs[index], "sslmode", mode, "sslrootcert", System.getenv("PGSSLROOTCERT"), "gssEncMode", "prefer")) {
        System.out.println(mode + ": " + (Integer.valueOf(1).equals(one(connection, "SELECT 1")) ? "ok" : "wrong"));
      } catch (SQLException error) {
        System.out.println(mode + ": refused");
      }
    }
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "reads" -> reads();
      case "session" -> session();
      case "denied" -> denied(args);
      default -> tls(args);
    }
  }
}
