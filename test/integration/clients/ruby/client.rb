# ruby-pg and ActiveRecord: a connection's start, the schema cache, everything that db:schema:dump reads, and models.
# Modes: see driver-world.ts.

require "active_record"
require "pg"
require "stringio"

REFUSED = "DROP TABLE users"

class User < ActiveRecord::Base
  has_many :orders
end

class Order < ActiveRecord::Base
  belongs_to :user
end

class Note < ActiveRecord::Base
end

def connect(more = {})
  ActiveRecord::Base.establish_connection(
    { adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"], password: ENV["PGPASSWORD"],
      database: ENV["PGDATABASE"], pool: 1 }.merge(more)
  )
  ActiveRecord::Base.connection
end

def reads
  connection = connect
  puts "version #{connection.database_version} #{connection.current_schema} #{connection.encoding} #{connection.collation}"
  puts "tables #{connection.tables.sort} views #{connection.views.sort} sources #{connection.data_sources.sort}"
  puts "schemas #{connection.schema_names} extensions #{connection.extensions} types #{connection.enum_types rescue nil}"
  %w[users orders notes shop.items].each do |table|
    puts "columns #{table} #{connection.columns(table).map { |one| [one.name, one.sql_type, one.null, one.default, one.default_function, one.comment] }}"
    puts "keys #{table} #{connection.primary_keys(table)} #{connection.pk_and_sequence_for(table)&.map(&:to_s)} #{connection.table_comment(table)}"
    puts "indexes #{table} #{connection.indexes(table).map { |one| [one.name, one.columns, one.unique, one.where, one.using] }.sort_by(&:first)}"
    puts "foreign #{table} #{connection.foreign_keys(table).map { |one| [one.to_table, one.options] }}"
    puts "checks #{table} #{connection.check_constraints(table).map { |one| [one.name, one.expression] }}"
  end
  puts "exists #{connection.table_exists?('users')} #{connection.view_exists?('totals')} #{connection.index_name_exists?('orders', 'orders_total')}"
  dump = StringIO.new
  ActiveRecord::SchemaDumper.dump(connection, dump)
  puts dump.string
  puts "user #{User.where(id: 3).first.attributes.inspect}"
  puts "joined #{Order.includes(:user).where(users: { name: 'user 5' }).order(:id).map { |order| [order.id, order.user.name] }}"
  puts "batches #{User.find_each(batch_size: 64).count} #{Order.sum(:total)} #{Order.group(:user_id).count.size}"
  puts "explained #{User.where(id: 1).explain}"
  puts "pending #{connection.migration_context.needs_migration? rescue 'none'}"
  puts "active #{connection.active?} advisory #{connection.supports_advisory_locks?}"
end

def code_of
  yield
  "none"
rescue ActiveRecord::StatementInvalid => error
  error.cause.result.error_field(PG::Result::PG_DIAG_SQLSTATE)
end

def session
  connection = connect
  puts "prepared: #{User.find(7).name}"
  puts "prepared again: #{User.find(8).name}"
  puts "denied: #{code_of { connection.execute(REFUSED) }}"
  puts "then: #{connection.select_value('SELECT 1')}"
  Note.transaction do
    Note.create!(body: "rolled back")
    puts "in a transaction: #{Note.count}"
    puts "denied there: #{code_of { connection.exec_query(REFUSED) }}"
    puts "still failed: #{code_of { connection.execute('SELECT 1') }}"
    raise ActiveRecord::Rollback
  end
  puts "after the rollback: #{Note.count}"
  Note.transaction do
    Note.create!(body: "kept")
    Note.transaction(requires_new: true) { Note.where(body: "kept").update_all("body = body") }
    begin
      Note.transaction(requires_new: true) { connection.execute(REFUSED) }
    rescue ActiveRecord::StatementInvalid
      # Rolled back to the savepoint; the outer transaction lives.
    end
  end
  puts "written: #{Note.pluck(:body, :version).first.join(' ')}"
  Note.where(body: "kept").delete_all
  connection.reset!
  connection.clear_cache!
  connection.execute("DISCARD ALL")
  connection.reconnect!
  puts "reset: #{connection.select_value('SELECT 1')}"
end

def tls(pairs)
  pairs.each_slice(2) do |port, mode|
    PG.connect(host: "127.0.0.1", port: port, user: "agent", dbname: "app", sslmode: mode, sslrootcert: ENV["PGSSLROOTCERT"]) do |connection|
      puts "#{mode}: #{connection.exec('SELECT 1').getvalue(0, 0) == '1' ? 'ok' : 'wrong'}"
    end
  rescue PG::Error
    puts "#{mode}: refused"
  end
end

case ARGV[0]
when "reads" then reads
when "session" then session
else tls(ARGV.drop(1))
end
