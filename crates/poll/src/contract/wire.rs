//! How the words of other rooms travel in the contract: as numbers and text.
//!
//! *Invariant:* what comes in has the form of what went out, or is an error.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

pub(super) mod id {
    use super::*;

    pub(in crate::contract) fn serialize<S: Serializer>(id: &model::Id, to: S) -> Result<S::Ok, S::Error> {
        id.0.serialize(to)
    }

    pub(in crate::contract) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<model::Id, D::Error> {
        <[u8; 16]>::deserialize(from).map(model::Id)
    }
}

pub(super) mod role {
    use super::*;

    pub(in crate::contract) fn serialize<S: Serializer>(
        role: &model::FolderRole,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_i32(*role as i32)
    }

    pub(in crate::contract) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<model::FolderRole, D::Error> {
        let role = model::FolderRole::from_code(i64::deserialize(from)?);
        role.ok_or_else(|| D::Error::custom("no role of a folder"))
    }
}

pub(super) mod outcome {
    use model::outcome::Outcome;

    use super::*;

    pub(in crate::contract) fn serialize<S: Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i32(*outcome as i32)
    }

    pub(in crate::contract) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Outcome, D::Error> {
        Outcome::from_code(i64::deserialize(from)?).ok_or_else(|| D::Error::custom("no outcome"))
    }
}

pub(super) mod time {
    use model::Timestamp;

    use super::*;

    pub(in crate::contract) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.0).serialize(to)
    }

    pub(in crate::contract) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Timestamp))
    }
}

pub(super) mod bytes {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    pub(in crate::contract) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::contract) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        STANDARD.decode(text.as_bytes()).map(Arc::from).map_err(D::Error::custom)
    }
}
