//! Whether a database has the tables that this program makes: while nothing was released, tables changed without another version.

use std::collections::BTreeSet;

use longwire_client_store::{DatabaseError, OpenError, make};
use sqlx::{Connection as _, SqliteConnection};

use super::database::{Connection, failed};

/// Columns of tables, and indexes.
type Shape = BTreeSet<(String, String)>;

/// Refuses a database whose tables or indexes are not those that this program makes.
///
/// # Errors
/// It says what is missing or too much, and what mends it.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let found = shape(connection).await?;
    let mut fresh = SqliteConnection::connect("sqlite::memory:").await.map_err(|error| failed(&error))?;
    make(&mut Connection(&mut fresh)).await?;
    let wanted = shape(&mut fresh).await?;
    fresh.close().await.map_err(|error| failed(&error))?;
    let Some((table, part)) = wanted.symmetric_difference(&found).next() else { return Ok(()) };
    let what = if wanted.contains(&(table.clone(), part.clone())) { "lacks" } else { "has" };
    let text = format!(
        "it was made by a development build with other tables (`{table}` {what} `{part}`): move the data directory away, and its \
         devices register anew"
    );
    Err(OpenError::Database(DatabaseError::Failed(text)))
}

async fn shape(connection: &mut SqliteConnection) -> Result<Shape, OpenError> {
    const SQL: &str = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
                       UNION ALL SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'";
    let parts = sqlx::query_as(SQL).fetch_all(connection).await.map_err(|error| failed(&error))?;
    Ok(parts.into_iter().collect())
}
