//! Values with parameters: Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).
//!
//! Never fails: a value that cannot be read is an empty one.

use mail_parser::parsers::MessageStream;

use crate::header_decoder;

/// A value such as `text/plain` or `attachment`, in lower case, with its parameters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The value before the first semicolon.
    pub(crate) value: String,
    attributes: Vec<(String, String)>,
}

impl Parameters {
    /// Reads the value of a field.
    pub(crate) fn read(field: &[u8]) -> Self {
        let mut text = header_decoder::plain(field).into_owned();
        text.push_str("\r\n");
        let header = MessageStream::new(text.as_bytes()).parse_content_type();
        let Some(parsed) = header.as_content_type() else { return Parameters::default() };
        let value = match parsed.subtype() {
            Some(subtype) => format!("{}/{subtype}", parsed.ctype()),
            None => parsed.ctype().to_owned(),
        };
        let attributes = parsed.attributes().unwrap_or_default();
        let attributes =
            attributes.iter().map(|a| (a.name.to_ascii_lowercase(), a.value.trim().to_owned())).collect();
        Parameters { value: value.trim().to_ascii_lowercase(), attributes }
    }

    /// The parameter of this name (in lower case).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_every_dress() {
        let check = |field: &str, value: &str, name: &str, expect: Option<&str>| {
            let read = Parameters::read(field.as_bytes());
            assert_eq!((read.value.as_str(), read.get(name)), (value, expect), "{field:?}");
        };
        check("Text/Plain; CHARSET=UTF-8", "text/plain", "charset", Some("UTF-8"));
        check("text/plain", "text/plain", "charset", None);
        check("multipart/mixed;\r\n boundary=\"=_a b\"", "multipart/mixed", "boundary", Some("=_a b"));
        check("attachment; filename*=utf-8''caf%C3%A9.pdf", "attachment", "filename", Some("café.pdf"));
        check(
            "attachment; filename*0*=utf-8''a%20; filename*1=b.pdf",
            "attachment",
            "filename",
            Some("a b.pdf"),
        );
        check("", "", "x", None);
    }
}
