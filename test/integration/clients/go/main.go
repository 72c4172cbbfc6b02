// The Go drivers pgx and lib/pq: their start-up, statement caches, batches, COPY and connection pools. The first argument names the
// driver, the others are the mode: see driver-world.ts.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
)

const refused = "DROP TABLE users"

var background = context.Background()

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic(err)
	}
	return value
}

func check(err error) { must(0, err) }

func codeOf(err error) string {
	var fromPgx *pgconn.PgError
	var fromPq *pq.Error
	switch {
	case errors.As(err, &fromPgx):
		return fromPgx.Code
	case errors.As(err, &fromPq):
		return string(fromPq.Code)
	case err != nil:
		return err.Error()
	}
	return "none"
}

func main() {
	if os.Args[2] == "tls" {
		tls(os.Args[1], os.Args[3:])
		return
	}
	if os.Args[2] == "denied" {
		denied(map[string]string{"pgx": "pgx", "pq": "postgres"}[os.Args[1]], os.Args[3:])
		return
	}
	if os.Args[1] == "pq" {
		// It knows no "prefer" and begins with TLS; the server itself, which alone wants a password, has none here.
		os.Setenv("PGSSLMODE", map[bool]string{true: "disable", false: "require"}[os.Getenv("PGPASSWORD") != ""])
	}
	map[string]func(){
		"pgx reads":   pgxReads,
		"pgx session": pgxSession,
		"pq reads":    func() { sqlReads("postgres") },
		"pq session":  func() { sqlSession("postgres") },
	}[os.Args[1]+" "+os.Args[2]]()
}

func tls(driver string, pairs []string) {
	name := map[string]string{"pgx": "pgx", "pq": "postgres"}[driver]
	for index := 0; index+1 < len(pairs); index += 2 {
		port, mode := pairs[index], pairs[index+1]
		if driver == "pq" && mode == "prefer" {
			// It knows no such mode: it begins with TLS, or goes without.
			mode = map[bool]string{true: "disable", false: "require"}[port == os.Getenv("TLS_OFF_PORT")]
		}
		dsn := fmt.Sprintf("host=127.0.0.1 port=%s user=agent dbname=app sslmode=%s", port, mode)
		var one int
		db := must(sql.Open(name, dsn))
		if err := db.QueryRow("SELECT 1").Scan(&one); err != nil || one != 1 {
			fmt.Println(pairs[index+1] + ": refused")
		} else {
			fmt.Println(pairs[index+1] + ": ok")
		}
		db.Close()
	}
}

// One connection; pgx has each text sent over both protocols.
func denied(driver string, texts []string) {
	db := must(sql.Open(driver, map[string]string{"pgx": "", "postgres": "sslmode=disable"}[driver]))
	defer db.Close()
	db.SetMaxOpenConns(1)
	one := func() (found int) {
		check(db.QueryRow("SELECT 1").Scan(&found))
		return found
	}
	for _, text := range texts {
		_, err := db.Exec(text)
		code, then := codeOf(err), one()
		if driver == "pgx" && code == "42501" {
			_, err = db.Exec(text, pgx.QueryExecModeSimpleProtocol)
			code, then = codeOf(err), one()
		}
		fmt.Println(code, then)
	}
}

func pgxReads() {
	pool := must(pgxpool.New(background, "pool_max_conns=2"))
	defer pool.Close()
	connection := must(pool.Acquire(background))
	defer connection.Release()
	mood := must(connection.Conn().LoadType(background, "mood"))
	connection.Conn().TypeMap().RegisterType(mood)
	span := must(connection.Conn().LoadType(background, "span"))
	connection.Conn().TypeMap().RegisterType(span)
	address := must(connection.Conn().LoadType(background, "address"))
	connection.Conn().TypeMap().RegisterType(address)
	fmt.Println("types", mood.Name, span.Name, address.Name)
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec,
		pgx.QueryExecModeSimpleProtocol,
	}
	for _, mode := range modes {
		for id := 1; id <= 2; id++ {
			rows := must(connection.Query(background, "SELECT id, name, born, tags, seen, score::text, token FROM users WHERE id = $1", mode, id))
			for rows.Next() {
				fmt.Println("row", mode, must(rows.Values()))
			}
			check(rows.Err())
		}
	}
	batch := &pgx.Batch{}
	for id := 1; id <= 3; id++ {
		batch.Queue("SELECT name FROM users WHERE id = $1", id)
	}
	results := connection.SendBatch(background, batch)
	for id := 1; id <= 3; id++ {
		var name string
		check(results.QueryRow().Scan(&name))
		fmt.Println("batch", name)
	}
	check(results.Close())
	transaction := must(connection.BeginTx(background, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable}))
	var count int
	check(transaction.QueryRow(background, "SELECT count(*) FROM orders").Scan(&count))
	nested := must(transaction.Begin(background))
	check(nested.Rollback(background))
	check(transaction.Commit(background))
	fmt.Println("transaction", count)
	tag := must(connection.Conn().PgConn().CopyTo(background, os.Stdout, "COPY (SELECT id, name FROM users WHERE id < 4 ORDER BY id) TO STDOUT"))
	fmt.Println("copied", tag)
	check(connection.Ping(background))
	sqlReads("pgx")
}

func pgxSession() {
	connection := must(pgx.Connect(background, ""))
	defer connection.Close(background)
	name := func(id int) (found string) {
		check(connection.QueryRow(background, "SELECT name FROM users WHERE id = $1", id).Scan(&found))
		return found
	}
	one := func(text string) (found int) {
		check(connection.QueryRow(background, text).Scan(&found))
		return found
	}
	fmt.Println("prepared:", name(7))
	fmt.Println("prepared again:", name(8))
	_, err := connection.Exec(background, refused)
	fmt.Println("denied:", codeOf(err))
	_, err = connection.Prepare(background, "refused", refused)
	if codeOf(err) != "42501" {
		panic("a refused statement was prepared")
	}
	fmt.Println("then:", one("SELECT 1"))
	transaction := must(connection.Begin(background))
	tag := must(transaction.Exec(background, "INSERT INTO notes (body) VALUES ($1)", "rolled back"))
	fmt.Println("in a transaction:", tag.RowsAffected())
	_, err = transaction.Exec(background, refused)
	fmt.Println("denied there:", codeOf(err))
	_, err = transaction.Exec(background, "SELECT 1")
	fmt.Println("still failed:", codeOf(err))
	// Commit sees from the command tag that the server rolled back.
	if err = transaction.Commit(background); !errors.Is(err, pgx.ErrTxCommitRollback) {
		panic(err)
	}
	fmt.Println("after the rollback:", one("SELECT count(*) FROM notes"))
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO notes (body) VALUES ('batch')")
	batch.Queue(refused)
	batch.Queue("INSERT INTO notes (body) VALUES ('behind')")
	if code := codeOf(connection.SendBatch(background, batch).Close()); code != "42501" {
		panic(code)
	}
	check(pgx.BeginFunc(background, connection, func(inner pgx.Tx) error {
		must(inner.CopyFrom(background, pgx.Identifier{"notes"}, []string{"body"}, pgx.CopyFromRows([][]any{{"kept"}})))
		must(inner.Exec(background, "UPDATE notes SET body = body WHERE body = $1", "kept"))
		return nil
	}))
	var body string
	var version int
	check(connection.QueryRow(background, "SELECT body, version FROM notes").Scan(&body, &version))
	fmt.Println("written:", body, version)
	must(connection.Exec(background, "DELETE FROM notes WHERE body = $1", "kept"))
	check(connection.DeallocateAll(background))
	must(connection.Exec(background, "DISCARD ALL"))
	fmt.Println("reset:", one("SELECT 0 + 1"))
}

// What every user of database/sql sends, with either driver.
func sqlReads(driver string) {
	db := must(sql.Open(driver, ""))
	defer db.Close()
	check(db.Ping())
	statement := must(db.Prepare("SELECT id, name, tags, data, home, feeling FROM users WHERE id = $1"))
	for id := 1; id <= 3; id++ {
		var number int
		var name, tags, data, home, feeling string
		check(statement.QueryRow(id).Scan(&number, &name, &tags, &data, &home, &feeling))
		fmt.Println("prepared", number, name, tags, data, home, feeling)
	}
	rows := must(db.Query("SELECT * FROM orders ORDER BY id LIMIT 3"))
	for _, column := range must(rows.ColumnTypes()) {
		fmt.Println("column", column.Name(), column.DatabaseTypeName())
	}
	rows.Close()
	transaction := must(db.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}))
	var level string
	check(transaction.QueryRow("SHOW transaction_isolation").Scan(&level))
	check(transaction.Commit())
	fmt.Println("isolation", level)
}

func sqlSession(driver string) {
	db := must(sql.Open(driver, ""))
	defer db.Close()
	db.SetMaxOpenConns(1)
	statement := must(db.Prepare("SELECT name FROM users WHERE id = $1"))
	var name string
	check(statement.QueryRow(7).Scan(&name))
	fmt.Println("prepared:", name)
	check(statement.QueryRow(8).Scan(&name))
	fmt.Println("prepared again:", name)
	_, err := db.Exec(refused)
	fmt.Println("denied:", codeOf(err))
	one := func(text string) (found int) {
		check(db.QueryRow(text).Scan(&found))
		return found
	}
	fmt.Println("then:", one("SELECT 1"))
	transaction := must(db.Begin())
	result := must(transaction.Exec("INSERT INTO notes (body) VALUES ($1)", "rolled back"))
	fmt.Println("in a transaction:", must(result.RowsAffected()))
	_, err = transaction.Exec(refused)
	fmt.Println("denied there:", codeOf(err))
	_, err = transaction.Exec("SELECT 1")
	fmt.Println("still failed:", codeOf(err))
	check(transaction.Rollback())
	fmt.Println("after the rollback:", one("SELECT count(*) FROM notes"))
	transaction = must(db.Begin())
	copying := must(transaction.Prepare(pq.CopyIn("notes", "body")))
	must(copying.Exec("kept"))
	must(copying.Exec())
	check(copying.Close())
	must(transaction.Exec("UPDATE notes SET body = body WHERE body = $1", "kept"))
	check(transaction.Commit())
	var version int
	check(db.QueryRow("SELECT body, version FROM notes").Scan(&name, &version))
	fmt.Println("written:", name, version)
	must(db.Exec("DELETE FROM notes WHERE body = $1", "kept"))
	must(db.Exec("DISCARD ALL"))
	fmt.Println("reset:", one("SELECT 0 + 1"))
}
