//! Keys and records; that signatures hold is told by the tests that verify.

use super::*;

#[test]
fn keys_are_read_as_they_were_made() {
    for kind in [KeyKind::Rsa, KeyKind::Ed25519] {
        let der = make(kind).unwrap();
        let key = SigningKey::read(&der).unwrap();
        assert_eq!(key.kind(), kind);
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*der));
        assert_eq!(SigningKey::read(&from_pem(&pem).unwrap()).unwrap().record(), key.record());
        assert!(!format!("{key:?}").contains(&STANDARD.encode(&der[..8])));
    }
    for nothing in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "secret"] {
        assert!(matches!(from_pem(nothing), Err(SignError::NoKey)));
    }
}

#[test]
fn what_could_be_put_above_is_signed_once_more() {
    let key = SigningKey::read(&make(KeyKind::Ed25519).unwrap()).unwrap();
    let mail = b"From: jane@contoso.example\r\nTo: zoe@customer.example\r\nSubject: x\r\n\r\nHello.\r\n";
    let field = key.sign(mail, ("contoso.example", "s1")).unwrap().to_lowercase();
    for (name, times) in [("from", 2), ("subject", 2), ("to", 2), ("cc", 2), ("message-id", 1)] {
        let h: String =
            field.split("h=").nth(1).unwrap().split(';').next().unwrap().replace(char::is_whitespace, "");
        assert_eq!(h.split(':').filter(|signed| *signed == name).count(), times, "{name}: {field}");
    }
    assert!(field.ends_with("\r\n") && field.starts_with("dkim-signature:"));
    assert!(matches!(key.sign(b"", ("contoso.example", "s1")), Err(SignError::NoMail)));
}
