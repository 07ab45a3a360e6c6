//! What a declaration is made of.

use crate::filter::IncomingFilter;
use crate::folder::FolderRole;
use crate::id::Id;
use crate::time::Timestamp;

/// A value on its way into or out of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number, a yes or no, a choice, a time.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes: ids and digests too.
    Bytes(Vec<u8>),
}

/// A stored value is not of the declared type: the database was changed by another hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} does not hold what it was declared to hold")]
pub struct WrongValue {
    /// The column.
    pub column: &'static str,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A record id.
    Key,
    /// The id of a record of another table.
    Lookup(&'static str),
    /// The id of a record whose table stands in a column `…typecode` beside it.
    AnyLookup,
    /// Text of at most so many characters.
    Text(usize),
    /// Text without a limit of its own.
    Memo,
    /// A whole number.
    Int,
    /// Yes or no.
    Bool,
    /// Milliseconds since 1970, UTC.
    DateTime,
    /// One of these numbers.
    Choice(&'static [(i64, &'static str)]),
    /// Bytes.
    Bytes,
}

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The logical name.
    pub name: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether every row has it.
    pub required: bool,
}

/// An index over columns.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// The columns, in order.
    pub columns: &'static [&'static str],
    /// Whether no two rows may share them.
    pub unique: bool,
    /// Whether rows without the first column are left out.
    pub sparse: bool,
    /// The column that the rows in it lack; every other row is left out.
    pub without: Option<&'static str>,
}

/// One table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The logical name.
    pub name: &'static str,
    /// The entity set name of the Web API; empty for tables of the house itself.
    pub set: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// The primary key.
    pub key: &'static [&'static str],
    /// Whether rows are kept in the order of the key and nowhere else (small rows looked up by key only).
    pub clustered: bool,
    /// The columns.
    pub columns: &'static [Column],
    /// The indexes beside the key.
    pub indexes: &'static [Index],
}

impl Table {
    /// Whether the key is one number that the store gives, ascending.
    pub fn is_numbered(&self) -> bool {
        let key = self.columns.iter().find(|column| self.key == [column.name]);
        !self.clustered && key.is_some_and(|column| column.kind == Kind::Int)
    }

    /// The column with this logical name, or with this label in any case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let name = name.trim();
        self.columns
            .iter()
            .find(|c| c.name == name)
            .or_else(|| self.columns.iter().find(|c| c.label.eq_ignore_ascii_case(name)))
    }
}

/// A Rust type that a column can hold.
pub trait Field: Sized {
    /// Whether a row must have it.
    const REQUIRED: bool = true;
    /// Into a row.
    fn to_value(&self) -> Value;
    /// Out of a row; `None` where it holds something else.
    fn from_value(value: Value) -> Option<Self>;
}

/// A noun with a table of its own.
pub trait Noun: Sized {
    /// The declaration.
    const TABLE: Table;
    /// The values, in the order of the columns.
    fn to_values(&self) -> Vec<Value>;
    /// From the values, in the order of the columns.
    fn from_values(values: &mut dyn Iterator<Item = Value>) -> Result<Self, WrongValue>;
}

macro_rules! field {
    ($type:ty, $variant:ident, $into:expr, $from:expr) => {
        impl Field for $type {
            fn to_value(&self) -> Value {
                let into: fn(&$type) -> _ = $into;
                Value::$variant(into(self))
            }
            fn from_value(value: Value) -> Option<Self> {
                let from: fn(_) -> Option<$type> = $from;
                match value {
                    Value::$variant(inner) => from(inner),
                    _ => None,
                }
            }
        }
    };
}

field!(i64, Int, |v| *v, Some);
field!(i32, Int, |v| i64::from(*v), |v: i64| i32::try_from(v).ok());
field!(bool, Int, |v| i64::from(*v), |v| Some(v != 0));
field!(Timestamp, Int, |v| v.0, |v| Some(Timestamp(v)));
field!(IncomingFilter, Int, |v| *v as i64, IncomingFilter::from_code);
field!(FolderRole, Int, |v| *v as i64, FolderRole::from_code);
field!(String, Text, String::clone, Some);
field!(Vec<u8>, Bytes, Vec::clone, Some);
field!(Id, Bytes, |v| v.0.to_vec(), |v: Vec<u8>| Id::from_slice(&v));

impl<F: Field> Field for Option<F> {
    const REQUIRED: bool = false;
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => F::from_value(other).map(Some),
        }
    }
}

/// Declares a noun and its table in one breath.
///
/// `Name "logicalname" set "names" label "Label" key(a) [clustered] { field: Type = Kind, "Label"; … } indexes { … }`
macro_rules! table {
    (
        $(#[$doc:meta])*
        $noun:ident $name:literal set $set:literal label $label:literal key($($key:ident),+) clustered($clustered:literal) {
            $( $(#[$field_doc:meta])* $field:ident : $type:ty = $kind:expr, $field_label:literal; )+
        }
        indexes { $( $flavour:ident($($indexed:ident),+); )* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $noun { $( $(#[$field_doc])* #[doc = $field_label] pub $field: $type, )+ }

        impl $crate::schema::Noun for $noun {
            const TABLE: $crate::schema::Table = $crate::schema::Table {
                name: $name, set: $set, label: $label,
                key: &[$(stringify!($key)),+],
                clustered: $clustered,
                columns: &[$( $crate::schema::Column {
                    name: stringify!($field), label: $field_label, kind: $kind,
                    required: <$type as $crate::schema::Field>::REQUIRED,
                } ),+],
                indexes: &[$( $crate::schema::column::$flavour(&[$(stringify!($indexed)),+]) ),*],
            };
            fn to_values(&self) -> Vec<$crate::schema::Value> {
                vec![$( $crate::schema::Field::to_value(&self.$field) ),+]
            }
            fn from_values(values: &mut dyn Iterator<Item = $crate::schema::Value>)
                -> Result<Self, $crate::schema::WrongValue> {
                Ok($noun { $( $field: values.next()
                    .and_then($crate::schema::Field::from_value)
                    .ok_or($crate::schema::WrongValue { column: stringify!($field) })? ),+ })
            }
        }
    };
}
pub(crate) use table;

/// An index that repeats.
pub(crate) const fn many(columns: &'static [&'static str]) -> Index {
    Index { columns, unique: false, sparse: false, without: None }
}

/// An index that repeats, over the rows that have its first column.
pub(crate) const fn sparse(columns: &'static [&'static str]) -> Index {
    Index { columns, unique: false, sparse: true, without: None }
}

/// A unique index.
pub(crate) const fn unique(columns: &'static [&'static str]) -> Index {
    Index { columns, unique: true, sparse: false, without: None }
}

/// An index that repeats, over the rows that lack the last of these columns; it is made of those before it.
pub(crate) const fn without(columns: &'static [&'static str]) -> Index {
    match columns.split_last() {
        Some((lacked, columns)) => Index { columns, unique: false, sparse: false, without: Some(lacked) },
        None => many(columns),
    }
}
