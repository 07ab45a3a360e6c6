//! E-mail addresses (RFC 5321 §4.1.2, RFC 6531 for those outside ASCII).

use std::fmt;

use idna::AsciiDenyList;

use crate::limits;

/// One e-mail address, `local-part@domain`, trimmed, its domain in lower case.
///
/// Two addresses are the same when their [`key`](EmailAddress::key) is: no system that carries
/// customers' mail tells local parts apart by case alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    text: String,
    /// Whether the text is its own key: most are, and keys are asked for many times.
    is_key: bool,
}

impl EmailAddress {
    /// Reads an address; `None` where there is no local part, no domain, white space or a control
    /// character in it, or more than [`limits::ADDRESS_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>').trim();
        if text.len() > limits::ADDRESS_BYTES_MAX {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        let domain = domain.trim_end_matches('.');
        let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
        let clean = |c: char| !c.is_control() && !matches!(c, '<' | '>');
        if local.is_empty() || domain.is_empty() || !text.chars().all(clean) {
            return None;
        }
        if domain.chars().any(char::is_whitespace) || (!quoted && local.chars().any(char::is_whitespace)) {
            return None;
        }
        Some(EmailAddress::of(local, &domain.to_lowercase()))
    }

    fn of(local: &str, domain: &str) -> Self {
        let is_lower = |text: &str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let is_key = is_lower(local) && is_lower(domain) && !domain.contains("xn--");
        EmailAddress { text: format!("{local}@{domain}"), is_key }
    }

    /// Whether an address of an envelope can be read in one way only, whoever reads it (RFC 5321 §4.1.2): by programs that take
    /// lists of addresses as well, to which `a@b,c` is two.
    pub fn reads_one_way(text: &str) -> bool {
        let Some((local, domain)) = text.rsplit_once('@') else { return false };
        let quoted =
            local.len() > 2 && local.starts_with('"') && end_of_quotes(local) == Some(local.len() - 1);
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>@,;:()[]\\".contains(c);
        let plain = !local.is_empty() && !local.contains(is_odd);
        let literal = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']'));
        let is_literal = literal
            .is_some_and(|inner| !inner.is_empty() && !inner.contains(|c: char| c != ':' && is_odd(c)));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || !c.is_ascii();
        let name = !domain.is_empty() && !domain.starts_with('.') && domain.chars().all(is_name);
        text.len() <= limits::ADDRESS_BYTES_MAX && (quoted || plain) && (is_literal || name)
    }

    /// The address as it is shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form by which addresses are looked up and compared: all lower case, an internationalized domain in
    /// its ASCII form (RFC 5891 §4.4), as mail systems write it either way. A domain that has no valid ASCII
    /// form stays as it is.
    pub fn key(&self) -> String {
        if self.is_key {
            return self.text.clone();
        }
        let lower = self.text.to_lowercase();
        let domain = self.domain();
        if domain.is_ascii() && !domain.contains("xn--") {
            return lower;
        }
        let Some(domain) = ascii_domain(domain) else { return lower };
        let key = format!("{}@{domain}", self.local_part().to_lowercase());
        if key.len() > limits::ADDRESS_BYTES_MAX { lower } else { key }
    }

    /// The domain as it is compared, with an `@` before it: an entry of a list for a whole domain.
    pub fn domain_key(&self) -> String {
        let key = self.key();
        key.rfind('@').map_or_else(String::new, |at| key[at..].to_owned())
    }

    /// As it travels where nobody reads anything but ASCII: with the domain in its ASCII form (RFC 5891 §4.4). `None` where there is
    /// no such form, or the local part is none.
    pub fn to_ascii(&self) -> Option<String> {
        if self.text.is_ascii() {
            return Some(self.text.clone());
        }
        let domain = ascii_domain(self.domain())?;
        self.local_part().is_ascii().then(|| format!("{}@{domain}", self.local_part()))
    }

    /// A compared form as people write it: `ida@xn--mnchen-3ya.test` is `ida@münchen.test`. A domain that is not all Latin script, or
    /// is not read as the same again, stays in ASCII: letters of other scripts can look like the Latin ones of another domain.
    pub fn shown(key: &str) -> String {
        let Some((local, domain)) = key.rsplit_once('@').filter(|(_, domain)| domain.contains("xn--")) else {
            return key.to_owned();
        };
        let written = idna::domain_to_unicode(domain).0;
        let is_same = ascii_domain(&written).is_some_and(|ascii| ascii == domain);
        if is_same && written.chars().all(is_latin) { format!("{local}@{written}") } else { key.to_owned() }
    }

    /// What stands before the last `@`.
    pub fn local_part(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the last `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address without its detail, and the detail: `sink+k3y@x` is `sink@x` and `k3y` (RFC 5233).
    pub fn split_detail(&self) -> (EmailAddress, Option<&str>) {
        match self.local_part().split_once('+') {
            Some((local, detail)) if !local.is_empty() => {
                (EmailAddress::of(local, self.domain()), Some(detail))
            }
            _ => (self.clone(), None),
        }
    }
}

/// Where the quote closes that opens at the first byte.
fn end_of_quotes(local: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in local.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// What a domain of Latin script is made of: ASCII, and the letters of the blocks Latin-1 Supplement, Latin Extended-A, -B and
/// Additional, without those that look like others with nothing to tell them apart (a dotless i, clicks that are strokes).
fn is_latin(c: char) -> bool {
    let is_letter = matches!(c, '\u{df}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && c.is_alphabetic();
    c.is_ascii() || is_letter && !matches!(c, 'ı' | '\u{1c0}'..='\u{1c3}')
}

/// UTS 46 maps some characters to ASCII signs: with the deny list, none of them becomes an `@` or a `<`.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()?;
    let ascii = ascii.trim_end_matches('.');
    (!ascii.is_empty()).then(|| ascii.to_owned())
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.text)
    }
}

/// An address with the name it is written with: a *mailbox* of RFC 5322 §3.4.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The display name, decoded, where there is one.
    pub name: Option<String>,
    /// The address itself.
    pub address: EmailAddress,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> String {
        EmailAddress::parse(text).unwrap().key()
    }

    #[test]
    fn addresses_are_trimmed_and_compared_without_case() {
        let read = |text: &str| EmailAddress::parse(text).map(|a| a.to_string());
        assert_eq!(read(" <Zoe@Customer.TEST.> ").as_deref(), Some("Zoe@customer.test"));
        assert_eq!(read("\"zoe m\"@x.test").as_deref(), Some("\"zoe m\"@x.test"));
        assert_eq!(read("zoë@münchen.test").as_deref(), Some("zoë@münchen.test"));
        for bad in ["", "zoe", "@x", "zoe@", "a b@x", "a@b c", "a\n@x"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(key("Zoe@X.test"), key("zoe@x.TEST"));
    }

    #[test]
    fn an_address_that_can_be_two_is_none_of_an_envelope() {
        for one in [
            "zoe@x.test",
            "zoe+a=b/c@x.test",
            "\"a, b@c\"@x.test",
            "zoë@münchen.test",
            "zoe@[192.0.2.1]",
            "zoe@[IPv6:2001:db8::1]",
        ] {
            assert!(EmailAddress::reads_one_way(one), "{one}");
        }
        for odd in [
            "victim@other.test,x@evil.test",
            "a;b@x.test",
            "group:zoe@x.test",
            "zoe(x)@x.test",
            "a\\b@x.test",
            "\"a\",b\"@x.test",
            "a b@x.test",
            "a\u{a0}b@x.test",
            "zoe@x.test;y",
            "zoe@[x],y@z]",
            "zoe@",
            "zoe",
            "",
        ] {
            assert!(!EmailAddress::reads_one_way(odd), "{odd}");
        }
    }

    #[test]
    fn a_domain_is_compared_in_ascii_and_shown_as_written() {
        let address = EmailAddress::parse("ida@MÜNCHEN.test").unwrap();
        assert_eq!(address.domain_key(), "@xn--mnchen-3ya.test");
        assert_eq!(EmailAddress::shown(&address.key()), "ida@münchen.test");
        assert_eq!(EmailAddress::shown("zoe@fabrikam.test"), "zoe@fabrikam.test");
        for look_alike in ["fаbrikam.test", "fabrıkam.test"] {
            let address = EmailAddress::parse(&format!("zoe@{look_alike}")).unwrap();
            assert_eq!(EmailAddress::shown(&address.key()), address.key(), "not taken for zoe@fabrikam.test");
        }
        let travels = |text: &str| EmailAddress::parse(text).unwrap().to_ascii();
        assert_eq!(travels("Ida@MÜNCHEN.test").as_deref(), Some("Ida@xn--mnchen-3ya.test"));
        assert_eq!(travels("zoë@münchen.test"), None);
        assert_eq!(travels("Zoe@Fabrikam.test").as_deref(), Some("Zoe@fabrikam.test"));
    }

    #[test]
    fn a_detail_is_split_at_the_first_plus() {
        let address = EmailAddress::parse("sink+k3y+x@a.test").unwrap();
        let (plain, detail) = address.split_detail();
        assert_eq!((plain.as_str(), detail), ("sink@a.test", Some("k3y+x")));
    }

    #[test]
    fn both_forms_of_a_domain_have_one_key() {
        assert_eq!(key("Ida@München.test"), "ida@xn--mnchen-3ya.test");
        assert_eq!(key("ida@mu\u{308}nchen.test"), key("ida@XN--mnchen-3YA.test"));
        assert_eq!(key("ida@straße.test"), key("ida@xn--strae-oqa.test"));
        assert_eq!(key("ida@例え。テスト"), key("ida@xn--r8jz45g.xn--zckzah"));
        assert_eq!(key("ÏDA@münchen.test"), "ïda@xn--mnchen-3ya.test");
        assert_ne!(key("ida@munchen.test"), key("ida@münchen.test"));
        assert_eq!(EmailAddress::parse("ida@münchen.test").unwrap().as_str(), "ida@münchen.test");
    }

    #[test]
    fn a_domain_without_a_valid_form_stays_as_it_is() {
        for odd in
            ["ida@xn--.test", "ida@xn--a.test", "ida@a\u{ff20}b.test", "ida@\u{ff1c}ü.test", "ida@\u{ad}"]
        {
            assert_eq!(key(odd), odd);
        }
        assert_eq!(key("ida@a_b.münchen.test"), "ida@a_b.xn--mnchen-3ya.test");
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself(
            local in "[a-zA-ZäÖßΣİ.+\"]{1,8}",
            domain in "(xn--|XN--)?[a-z0-9äÖßΣİ例。\u{ad}\u{200d}\u{ff0e}\u{ff20}\u{308}._-]{1,16}(\\.(test|xn--mnchen-3ya))?",
        ) {
            if let Some(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let key = address.key();
                let again = EmailAddress::parse(&key).map(|address| address.key());
                prop_assert_eq!(again, Some(key));
            }
        }

        #[test]
        fn any_address_has_one_key(text in "\\PC{1,20}@\\PC{1,40}") {
            if let Some(address) = EmailAddress::parse(&text) {
                let key = address.key();
                let again = EmailAddress::parse(&key).map(|address| address.key());
                prop_assert_eq!(again, Some(key));
            }
        }
    }
}
