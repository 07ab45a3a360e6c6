//! The header as a verifier reads it, and whether the house reads the same: a signature says nothing about a mail that is
//! read in another way than it was verified.

use mail_auth::AuthenticatedMessage;
use mail_auth::dkim::Signature;
use message::{Header, RawFields};
use model::{EmailAddress, limits};

/// The header of one mail, as the house reads it.
pub(crate) struct Headers<'x> {
    raw: &'x [u8],
    fields: Option<RawFields<'x>>,
    header: Option<Header>,
}

impl<'x> Headers<'x> {
    pub(crate) fn read(raw: &'x [u8]) -> Self {
        Headers { raw, fields: message::raw_fields(raw).ok(), header: message::read_header(raw).ok() }
    }

    /// The first author.
    pub(crate) fn first_author(&self) -> Option<&EmailAddress> {
        self.header.as_ref()?.from.first().map(|from| &from.address)
    }

    /// The author, where From names one alone, and where every field and the beginning of the body are read here as they
    /// were verified. Else a line that is a field to one and the text to the other could be put in unseen. A CR that ends no
    /// line the verifier leaves out, so none is believed.
    pub(crate) fn author(&self, verified: &AuthenticatedMessage<'_>) -> Option<EmailAddress> {
        let (fields, header) = (self.fields.as_ref()?, self.header.as_ref()?);
        let [author] = header.from.as_slice() else { return None };
        let is_one = self.values("from").count() == 1;
        (is_one && is_read_alike(fields, verified) && !has_bare_cr(self.raw)).then(|| author.address.clone())
    }

    /// Whether a signature holds all that says to whom, about what and in which form the mail is: of each of these fields
    /// that is there only one is, and it is signed.
    pub(crate) fn are_signed_by(&self, signature: &Signature) -> bool {
        FIELDS.iter().all(|name| match self.values(name).count() {
            0 => true,
            1 => signs(signature, name),
            _ => false,
        })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'x [u8]> {
        self.fields.iter().flat_map(move |fields| fields.values(name))
    }
}

fn has_bare_cr(raw: &[u8]) -> bool {
    let mut ends = memchr::memchr_iter(b'\r', raw);
    ends.any(|at| raw.get(at + 1) != Some(&b'\n'))
}

fn is_read_alike(fields: &RawFields<'_>, verified: &AuthenticatedMessage<'_>) -> bool {
    let theirs = verified.headers.iter().map(|(name, value)| (name.trim_ascii(), value.trim_ascii()));
    let ours = fields.fields.iter().map(|(name, value)| (name.as_bytes(), *value));
    fields.body_offset == verified.body_offset() && ours.eq(theirs)
}

/// Why a mail is not verified at all, where it has more of something than anybody needs.
pub(crate) fn excess(message: &AuthenticatedMessage<'_>) -> Option<&'static str> {
    if message.headers.len() > limits::VERIFIED_FIELDS_MAX {
        return Some("the header has too many fields");
    }
    let names = message.dkim_headers.iter().map(|signature| signature.header.h.len());
    let sealed = message.ams_headers.iter().map(|signature| signature.header.h.len());
    let longest = names.chain(sealed).max().unwrap_or(0);
    (longest > limits::SIGNED_FIELDS_MAX).then_some("a signature names too many fields")
}

/// What must not be changed in a mail that speaks for one of us.
const FIELDS: [&str; 9] =
    ["from", "to", "cc", "bcc", "subject", "date", "content-type", "content-transfer-encoding", "message-id"];

/// Whether a signature holds a field of this name.
pub(crate) fn signs(signature: &Signature, name: &str) -> bool {
    signature.h.iter().any(|signed| signed.eq_ignore_ascii_case(name))
}
