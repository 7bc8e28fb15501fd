//! The embedded database: one file, one writer, every commit on the disk before it counts.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, TransactionBehavior, params};

use super::job::{End, Item, Job, Reason, State};
use super::{Cancel, Delivery, Entry, Filter, Inserted, JobStore, NewJob, Queue};
use crate::clock::milliseconds;
use crate::refusal::{Code, Refusal};
use crate::{Error, Result};

/// What each version of the database adds to the one before. Never changed, only made longer.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        state TEXT NOT NULL,
        priority INTEGER NOT NULL,
        created INTEGER NOT NULL,
        started INTEGER,
        finished INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        spec TEXT NOT NULL,
        reason TEXT,
        output TEXT,
        cancel_asked INTEGER NOT NULL DEFAULT 0,
        idempotency_key TEXT
    ) STRICT;
    CREATE UNIQUE INDEX jobs_idempotency ON jobs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX jobs_state ON jobs (state, owner);
    CREATE TABLE items (job TEXT NOT NULL, input TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (job, input)) STRICT;
    CREATE TABLE deliveries (
        number INTEGER PRIMARY KEY,
        job TEXT NOT NULL,
        url TEXT NOT NULL,
        due INTEGER NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE queue (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        priority INTEGER NOT NULL,
        not_before INTEGER NOT NULL,
        leased_until INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE turns (owner TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
", "
    ALTER TABLE queue ADD COLUMN long INTEGER NOT NULL DEFAULT 0;
"];

const COLUMNS: &str =
    "id, owner, state, priority, created, started, finished, attempts, spec, reason, output, cancel_asked";

/// Jobs and queue in one SQLite file.
pub(crate) struct Sqlite(Mutex<Connection>);

impl Sqlite {
    /// Opens a database, and brings an older one up to date.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let version: usize =
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
        if version > MIGRATIONS.len() {
            let what = format!("{} was written by a newer amplio", path.display());
            return Err(Error::setting("data", what));
        }
        for (number, migration) in (1_u32..).zip(MIGRATIONS).skip(version) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// At the start of the only server that works here: nobody holds a place, and what was in work waits again or, if it
    /// was tried too often, has failed. Queued jobs are in the queue.
    pub(crate) fn recover(&self, attempts: u32, now: i64) -> Result<Vec<(String, State)>> {
        let running = Filter { state: Some(State::Running), limit: u32::MAX, ..Filter::default() };
        let mut changed = Vec::new();
        for job in self.list(&running)? {
            let state = if job.cancel_asked {
                self.finish(&job.id, job.attempts, &End::Cancelled, now)?;
                State::Cancelled
            } else if job.attempts >= attempts {
                let what = format!("the server stopped in each of {} attempts", job.attempts);
                let reason = Reason::from(&Refusal::new(Code::AttemptsExhausted, what));
                self.finish(&job.id, job.attempts, &End::Failed(reason), now)?;
                State::Failed
            } else {
                self.requeue(&job.id, job.attempts, false)?;
                State::Queued
            };
            changed.push((job.id, state));
        }
        self.lock().execute_batch(
            "DELETE FROM queue WHERE id NOT IN (SELECT id FROM jobs WHERE state = 'queued');
             UPDATE queue SET leased_until = 0;
             INSERT OR IGNORE INTO queue (id, owner, priority, long, not_before)
                 SELECT id, owner, priority, coalesce(json_extract(spec, '$.kind'), 'picture') != 'picture', 0 FROM jobs WHERE state = 'queued' ORDER BY created, id;",
        )?;
        Ok(changed)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one statement; whether it changed anything.
    fn change(&self, sql: &str, values: &[&dyn ToSql]) -> Result<bool> {
        Ok(self.lock().prepare_cached(sql)?.execute(values)? > 0)
    }
}

impl JobStore for Sqlite {
    fn earlier(&self, job: &NewJob) -> Result<Option<Inserted>> {
        earlier(&self.lock(), job)
    }

    fn insert(&self, job: &NewJob) -> Result<Inserted> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(earlier) = earlier(&transaction, job)? {
            return Ok(earlier);
        }
        transaction.execute(
            "INSERT INTO jobs (id, owner, state, priority, created, spec, idempotency_key)
             VALUES (?, ?, 'queued', ?, ?, ?, ?)",
            params![job.id, job.owner, job.priority, job.created, json(&job.spec)?, job.idempotency_key],
        )?;
        transaction.commit()?;
        Ok(Inserted::New)
    }

    fn get(&self, id: &str) -> Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?");
        Ok(self.lock().prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Job>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs
             WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR id < ?3)
             ORDER BY id DESC LIMIT ?4"
        );
        let state = filter.state.map(State::name);
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![filter.owner, state, filter.after, filter.limit], read)?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn waiting(&self, owner: Option<&str>) -> Result<u64> {
        let sql = "SELECT count(*) FROM jobs WHERE state = 'queued' AND (?1 IS NULL OR owner = ?1)";
        let count: i64 = self.lock().prepare_cached(sql)?.query_row([owner], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    fn begin(&self, id: &str, now: i64) -> Result<Option<Job>> {
        let sql = format!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ?2
             WHERE id = ?1 AND state = 'queued' RETURNING {COLUMNS}"
        );
        Ok(self.lock().prepare_cached(&sql)?.query_row(params![id, now], read).optional()?)
    }

    fn finish(&self, id: &str, attempt: u32, end: &End, now: i64) -> Result<bool> {
        let (reason, output) = match end {
            End::Done(output) => (None, Some(json(output)?)),
            End::Failed(reason) => (Some(json(reason)?), None),
            End::Cancelled => (None, None),
        };
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = transaction.execute(
            "UPDATE jobs SET state = ?3, reason = ?4, output = ?5, finished = ?6
             WHERE id = ?1 AND attempts = ?2 AND state = 'running'",
            params![id, attempt, end.state().name(), reason, output, now],
        )?;
        if changed > 0 {
            announce(&transaction, id, now)?;
        }
        transaction.commit()?;
        Ok(changed > 0)
    }

    fn requeue(&self, id: &str, attempt: u32, refund: bool) -> Result<bool> {
        self.change(
            "UPDATE jobs SET state = 'queued', started = NULL, attempts = attempts - ?3
             WHERE id = ?1 AND attempts = ?2 AND state = 'running'",
            params![id, attempt, u32::from(refund)],
        )
    }

    fn cancel(&self, id: &str, now: i64) -> Result<Cancel> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now_cancelled = transaction.execute(
            "UPDATE jobs SET state = 'cancelled', finished = ?2 WHERE id = ?1 AND state = 'queued'",
            params![id, now],
        )?;
        if now_cancelled > 0 {
            announce(&transaction, id, now)?;
        }
        let asked = transaction
            .execute("UPDATE jobs SET cancel_asked = 1 WHERE id = ?1 AND state = 'running'", [id])?;
        transaction.commit()?;
        Ok(match (now_cancelled, asked) {
            (1.., _) => Cancel::Now,
            (0, 1..) => Cancel::Asked,
            (0, 0) => Cancel::TooLate,
        })
    }

    fn retry(&self, id: &str) -> Result<bool> {
        self.change(
            "UPDATE jobs SET state = 'queued', attempts = 0, started = NULL, finished = NULL, reason = NULL,
                 output = NULL, cancel_asked = 0
             WHERE id = ?1 AND state IN ('failed', 'cancelled')",
            params![id],
        )
    }

    fn delete(&self, id: &str) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "DELETE FROM jobs WHERE id = ? AND state IN ('done', 'failed', 'cancelled')";
        let deleted = transaction.execute(sql, [id])?;
        if deleted > 0 {
            transaction.execute("DELETE FROM items WHERE job = ?", [id])?;
        }
        transaction.commit()?;
        Ok(deleted > 0)
    }

    fn ended_before(&self, time: i64) -> Result<Vec<String>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id FROM jobs WHERE finished < ?")?;
        let rows = statement.query_map([time], |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn add_item(&self, id: &str, item: &Item) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO items (job, input, item) VALUES (?, ?, ?)";
        self.change(sql, params![id, item.input, json(item)?]).map(drop)
    }

    fn items(&self, id: &str) -> Result<Vec<Item>> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT item FROM items WHERE job = ? ORDER BY input")?;
        let rows = statement.query_map([id], |row| parse(row, 0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn due(&self, now: i64) -> Result<Vec<Delivery>> {
        let connection = self.lock();
        let sql = "SELECT number, job, url, tries FROM deliveries WHERE due <= ? ORDER BY due LIMIT 1000";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([now], |row| {
            Ok(Delivery { number: row.get(0)?, job: row.get(1)?, url: row.get(2)?, tries: row.get(3)? })
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    fn delivered(&self, delivery: i64, next: Option<i64>) -> Result<()> {
        let changed = match next {
            None => self.change("DELETE FROM deliveries WHERE number = ?", params![delivery]),
            Some(due) => {
                let sql = "UPDATE deliveries SET due = ?2, tries = tries + 1 WHERE number = ?1";
                self.change(sql, params![delivery, due])
            }
        };
        changed.map(drop)
    }
}

impl Queue for Sqlite {
    fn push(&self, entry: &Entry) -> Result<()> {
        let sql =
            "INSERT OR IGNORE INTO queue (id, owner, priority, long, not_before) VALUES (?, ?, ?, ?, ?)";
        let Entry { id, owner, priority, long, not_before } = entry;
        self.change(sql, params![id, owner, priority, long, not_before]).map(drop)
    }

    fn claim(&self, now: i64, lease: Duration, with_long: bool) -> Result<Option<String>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next = "
            SELECT q.number, q.id, q.owner FROM queue q LEFT JOIN turns t ON t.owner = q.owner
            WHERE q.leased_until < ?1 AND q.not_before <= ?1 AND q.long <= ?2
            ORDER BY q.priority DESC,
                (SELECT count(*) FROM queue other WHERE other.owner = q.owner AND other.leased_until >= ?1),
                coalesce(t.last, 0), q.number
            LIMIT 1";
        let row =
            |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        let Some((number, id, owner)) =
            transaction.query_row(next, params![now, with_long], row).optional()?
        else {
            return Ok(None);
        };
        let until = now.saturating_add(milliseconds(lease));
        transaction.execute("UPDATE queue SET leased_until = ? WHERE number = ?", params![until, number])?;
        let turn = "
            INSERT INTO turns (owner, last) VALUES (?, (SELECT coalesce(max(last), 0) + 1 FROM turns))
            ON CONFLICT (owner) DO UPDATE SET last = excluded.last";
        transaction.execute(turn, [owner])?;
        transaction.commit()?;
        Ok(Some(id))
    }

    fn extend(&self, id: &str, until: i64) -> Result<bool> {
        self.change("UPDATE queue SET leased_until = ?2 WHERE id = ?1", params![id, until])
    }

    fn remove(&self, id: &str) -> Result<()> {
        self.change("DELETE FROM queue WHERE id = ?", params![id]).map(drop)
    }
}

/// What came before under a job's idempotency key.
fn earlier(connection: &Connection, job: &NewJob) -> Result<Option<Inserted>> {
    let Some(key) = &job.idempotency_key else { return Ok(None) };
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE owner = ? AND idempotency_key = ?");
    let earlier = connection.query_row(&sql, params![job.owner, key], read).optional()?;
    Ok(earlier.map(|earlier| match earlier.spec == job.spec && earlier.priority == job.priority {
        true => Inserted::Same(Box::new(earlier)),
        false => Inserted::Conflict,
    }))
}

/// Writes down that a job's webhook is to be told.
fn announce(connection: &Connection, id: &str, now: i64) -> Result<()> {
    let sql = "INSERT INTO deliveries (job, url, due)
        SELECT id, json_extract(spec, '$.webhook'), ?2 FROM jobs
        WHERE id = ?1 AND json_extract(spec, '$.webhook') IS NOT NULL";
    connection.execute(sql, params![id, now])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Job> {
    let state: String = row.get(2)?;
    let unknown =
        |column| rusqlite::Error::InvalidColumnType(column, state.clone(), rusqlite::types::Type::Text);
    Ok(Job {
        id: row.get(0)?,
        owner: row.get(1)?,
        state: State::parse(&state).ok_or_else(|| unknown(2))?,
        priority: row.get(3)?,
        created: row.get(4)?,
        started: row.get(5)?,
        finished: row.get(6)?,
        attempts: row.get(7)?,
        spec: parse(row, 8)?,
        reason: optional(row, 9)?,
        output: optional(row, 10)?,
        cancel_asked: row.get(11)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)).into())
}

fn parse<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parsed(&text, column)
}

fn optional<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parsed(&text, column)).transpose()
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str, column: usize) -> rusqlite::Result<T> {
    let broken =
        |e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e));
    serde_json::from_str(text).map_err(broken)
}
