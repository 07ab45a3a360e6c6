//! Values on their way to PostgreSQL and back: whole numbers, text, bytes, and columns of them.

use std::borrow::Cow;
use std::error::Error;

use model::schema::Value;
use tokio_postgres::types::{FromSql, ToSql, Type};

use crate::StoreError;
use crate::engine::Cells;
use crate::rows::Param;

/// A value as it came out of a row.
pub(super) struct Cell(pub(super) Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Cell(match *kind {
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            _ => Value::Text(String::from_sql(kind, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Cell(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA | Type::TEXT | Type::VARCHAR)
    }
}

/// A row that was read.
pub(super) type Line = Vec<Value>;

impl Cells for Line {
    fn value(&self, place: usize) -> Option<Value> {
        self.get(place).cloned()
    }
}

/// A value that outlives its statement.
pub(super) fn owned(param: &Param<'_>) -> Value {
    match param {
        Param::Null => Value::Null,
        Param::Int(number) => Value::Int(*number),
        Param::Text(text) => Value::Text((*text).to_owned()),
        Param::Bytes(bytes) => Value::Bytes((*bytes).to_owned()),
        Param::Id(id) => Value::Bytes(id.0.to_vec()),
    }
}

/// A value given to a statement that wants this type.
pub(super) fn given<'v>(value: &'v Value, kind: &Type) -> Box<dyn ToSql + Sync + 'v> {
    match (value, kind) {
        // Functions count in smaller numbers than columns: `substr`. What does not fit is an error, and said to be.
        (Value::Int(number), &Type::INT4) => match i32::try_from(*number) {
            Ok(small) => Box::new(small),
            Err(_) => Box::new(*number),
        },
        (Value::Int(number), _) => Box::new(*number),
        (Value::Text(text), _) => Box::new(without_nul(text)),
        (Value::Bytes(bytes), _) => Box::new(bytes.as_slice()),
        (Value::Null, &Type::BYTEA) => Box::new(None::<&[u8]>),
        (Value::Null, &Type::INT8) => Box::new(None::<i64>),
        (Value::Null, &Type::INT4) => Box::new(None::<i32>),
        (Value::Null, _) => Box::new(None::<&str>),
    }
}

/// PostgreSQL keeps no NUL in text (<https://www.postgresql.org/docs/15/datatype-character.html>); mail may have some.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A column of many rows, given as an array.
pub(super) enum Column<'v> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<Cow<'v, str>>>),
    Bytes(Vec<Option<&'v [u8]>>),
}

impl<'v> Column<'v> {
    /// The values of one place of all rows, for an array of this type.
    pub(super) fn new(element: &Type, values: impl Iterator<Item = &'v Value>) -> Result<Self, StoreError> {
        let wrong = || StoreError::Statement("a value is not of the type of its column".into());
        Ok(match *element {
            Type::INT8_ARRAY | Type::INT8 => Column::Ints(
                values
                    .map(|value| match value {
                        Value::Null => Ok(None),
                        Value::Int(number) => Ok(Some(*number)),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Type::TEXT_ARRAY | Type::TEXT => Column::Texts(
                values
                    .map(|value| match value {
                        Value::Null => Ok(None),
                        Value::Text(text) => Ok(Some(without_nul(text))),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<_, _>>()?,
            ),
            _ => Column::Bytes(
                values
                    .map(|value| match value {
                        Value::Null => Ok(None),
                        Value::Bytes(bytes) => Ok(Some(bytes.as_slice())),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// As a statement takes it.
    pub(super) fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Column::Ints(values) => values,
            Column::Texts(values) => values,
            Column::Bytes(values) => values,
        }
    }
}
