//! stub
/// stub
#[derive(Debug, Default)]
pub(crate) struct Cabinet;
