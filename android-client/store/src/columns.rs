//! One row of an answer, read from its first column to its last.

use crate::{DatabaseError, Value};

/// The values of a row that were not read yet.
#[derive(Debug)]
pub struct Columns(std::vec::IntoIter<Value>);

impl Columns {
    /// A row.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// A text, or NULL; `column` names it in the error.
    ///
    /// # Errors
    /// When it is neither, or there is no such column.
    pub fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, DatabaseError> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Integer(_) | Value::Blob(_)) | None => Err(DatabaseError::Unreadable(column)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&mut self, column: &'static str) -> Result<String, DatabaseError> {
        self.optional_text(column)?.ok_or(DatabaseError::Unreadable(column))
    }

    /// Bytes, or NULL.
    ///
    /// # Errors
    /// When it is neither.
    pub fn optional_bytes(&mut self, column: &'static str) -> Result<Option<Vec<u8>>, DatabaseError> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Blob(bytes)) => Ok(Some(bytes)),
            Some(Value::Integer(_) | Value::Text(_)) | None => Err(DatabaseError::Unreadable(column)),
        }
    }

    /// A signed number, or NULL.
    ///
    /// # Errors
    /// When it is neither.
    pub fn optional_integer(&mut self, column: &'static str) -> Result<Option<i64>, DatabaseError> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(number)),
            Some(Value::Text(_) | Value::Blob(_)) | None => Err(DatabaseError::Unreadable(column)),
        }
    }

    /// A number from 0 on, or NULL.
    ///
    /// # Errors
    /// When it is neither.
    pub fn optional_number(&mut self, column: &'static str) -> Result<Option<u64>, DatabaseError> {
        Ok(self.optional_integer(column)?.map(|number| u64::try_from(number).unwrap_or_default()))
    }

    /// A number from 0 on that fits.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, DatabaseError> {
        let number = self.optional_integer(column)?.ok_or(DatabaseError::Unreadable(column))?;
        T::try_from(number.max(0)).map_err(|_| DatabaseError::Unreadable(column))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When it is neither.
    pub fn flag(&mut self, column: &'static str) -> Result<bool, DatabaseError> {
        Ok(self.number::<u64>(column)? != 0)
    }
}
