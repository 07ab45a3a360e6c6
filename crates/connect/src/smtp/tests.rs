use super::script::{self, LONG, SHORT};
use super::*;
use crate::error::Kind;

mod transaction;
