//! Exchanges by hand: what each mechanism makes of responses, right and wrong.

use proptest::prelude::*;

use super::*;

const NAME: &str = "crm+relay@sink.example";
const SECRET: &str = "abcdefghijkmnpqrstuvwxyz23";
const ID: Id = Id([7; 16]);
const BOUND: Binding = [9; 32];

fn ask(name: &str) -> Result<Option<Credential>, TryLater> {
    match name {
        "later@x" => Err(TryLater),
        NAME => Ok(Some(Credential { id: ID, verifier: Verifier::of(NAME, SECRET) })),
        _ => Ok(None),
    }
}

fn exchange(mechanism: Mechanism, binding: Option<Binding>) -> Exchange {
    Exchange::new(mechanism, Terms { binding, nonce: [5; 18] })
}

fn text(step: Step) -> String {
    let Step::Challenge(message) = step else { panic!("no challenge but {step:?}") };
    String::from_utf8(message).unwrap()
}

/// A client of SCRAM that follows the header it is given.
fn scram(exchange: &mut Exchange, (header, bound): (&str, &[u8]), (name, secret): (&str, &str)) -> Step {
    let bare = format!("n={name},r=abc");
    let challenge = match exchange.respond(format!("{header}{bare}").as_bytes(), ask) {
        Step::Challenge(message) => String::from_utf8(message).unwrap(),
        other => return other,
    };
    let last = scram::client::last_message(&bare, &challenge, &[header.as_bytes(), bound].concat(), secret);
    exchange.respond(last.as_bytes(), |_| panic!("asked twice"))
}

#[test]
fn plain_needs_name_and_secret() {
    let plain = |response: &str| exchange(Mechanism::Plain, None).respond(response.as_bytes(), ask);
    assert_eq!(plain(&format!("\0{NAME}\0{SECRET}")), Step::Proven(ID));
    assert_eq!(plain(&format!("{NAME}\0{NAME}\0{SECRET}")), Step::Proven(ID));
    assert_eq!(plain(&format!("other\0{NAME}\0{SECRET}")), Step::Failed);
    assert_eq!(plain(&format!("\0{NAME}\0wrong")), Step::Failed);
    assert_eq!(plain(&format!("\0nobody\0{SECRET}")), Step::Failed);
    assert_eq!(plain(&format!("\0{NAME}\0{}", "x".repeat(9_999))), Step::Failed);
    assert_eq!(plain(&format!("\0later@x\0{SECRET}")), Step::TryLater);
    assert_eq!(plain(&format!("\0CRM+Relay@Sink.Example.\0{SECRET}")), Step::Proven(ID), "asked in one form");
    for bad in ["", "\0", "\0\0", "a\0b", "\0\0x", "\0a\0b\0c", "\0\u{1}\0x"] {
        assert_eq!(plain(bad), Step::Malformed, "{bad:?}");
    }
}

#[test]
fn login_asks_one_by_one() {
    let mut login = exchange(Mechanism::Login, None);
    assert_eq!(login.first_challenge(), b"Username:");
    assert_eq!(text(login.respond(NAME.as_bytes(), ask)), "Password:");
    assert_eq!(login.respond(SECRET.as_bytes(), ask), Step::Proven(ID));
    let mut login = exchange(Mechanism::Login, None);
    login.respond(b"nobody", ask);
    assert_eq!(login.respond(b"", ask), Step::Failed);
    assert_eq!(exchange(Mechanism::Login, None).respond(b"", ask), Step::Malformed);
}

#[test]
fn scram_proves_both_sides() {
    let mut plain = exchange(Mechanism::Scram, Some(BOUND));
    assert!(text(scram(&mut plain, ("n,,", b""), (NAME, SECRET))).starts_with("v="));
    assert_eq!(plain.respond(b"", ask), Step::Proven(ID));
    let mut plus = exchange(Mechanism::ScramPlus, Some(BOUND));
    assert!(text(scram(&mut plus, ("p=tls-exporter,,", &BOUND), (NAME, SECRET))).starts_with("v="));
    assert_eq!(plus.respond(b"x", ask), Step::Malformed);
    let mut unbound = exchange(Mechanism::Scram, None);
    assert!(text(scram(&mut unbound, ("y,,", b""), (NAME, SECRET))).starts_with("v="));
}

#[test]
fn scram_refuses_what_is_wrong() {
    let fails = |mechanism, said, who| {
        assert_eq!(scram(&mut exchange(mechanism, Some(BOUND)), said, who), Step::Failed, "{said:?} {who:?}");
    };
    let right = (NAME, SECRET);
    fails(Mechanism::Scram, ("n,,", b""), (NAME, "wrong"));
    fails(Mechanism::Scram, ("n,,", b""), ("nobody", SECRET));
    // The offer of binding was taken away on the way.
    fails(Mechanism::Scram, ("y,,", b""), right);
    fails(Mechanism::Scram, ("p=tls-exporter,,", &BOUND), right);
    fails(Mechanism::ScramPlus, ("n,,", b""), right);
    fails(Mechanism::ScramPlus, ("p=tls-unique,,", &BOUND), right);
    // Somebody stands between: the client sees another connection.
    fails(Mechanism::ScramPlus, ("p=tls-exporter,,", &[1; 32]), right);
    fails(Mechanism::Scram, ("n,,", b"x"), right);
    let mut later = exchange(Mechanism::Scram, None);
    assert_eq!(later.respond(b"n,,n=later@x,r=abc", ask), Step::TryLater);
}

/// From outside, the name that nobody has and the wrong secret are the same.
#[test]
fn an_unknown_name_is_challenged_alike_each_time() {
    let challenge = |name: &str| {
        let mut exchange = exchange(Mechanism::Scram, None);
        text(exchange.respond(format!("n,,n={name},r=abc").as_bytes(), ask))
    };
    let salt = |name: &str| challenge(name).split(',').nth(1).unwrap().to_owned();
    assert_eq!(salt("nobody@x"), salt("nobody@x"));
    assert_ne!(salt("nobody@x"), salt("other@x"));
    assert_eq!(challenge("nobody@x").len(), challenge(NAME).len());
}

#[test]
fn what_cannot_be_a_secret_is_not_looked_up() {
    for no_secret in ["", "x", &SECRET.to_uppercase(), &format!("{SECRET}2"), "l1l1l1l1l1l1l1l1l1l1l1l1l1"] {
        let response = format!("\0{NAME}\0{no_secret}");
        let step = exchange(Mechanism::Plain, None).respond(response.as_bytes(), |_| panic!("asked"));
        assert_eq!(step, Step::Failed, "{no_secret}");
    }
}

#[test]
fn mechanisms_go_by_their_names() {
    assert_eq!(Mechanism::offered(true), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
    assert_eq!(Mechanism::offered(false), "SCRAM-SHA-256 PLAIN LOGIN");
    assert_eq!(Mechanism::named("plain", false), Some(Mechanism::Plain));
    assert_eq!(Mechanism::named("SCRAM-SHA-256-PLUS", false), None);
    assert_eq!(Mechanism::named("CRAM-MD5", true), None);
}

proptest! {
    #[test]
    fn no_response_panics_or_proves(
        which in 0usize..4,
        responses in prop::collection::vec(
            prop_oneof!["(n|y|p=tls-exporter),(a=x)?,n=[a-z=2CD]{0,5},r=[a-z,=]{0,9}".prop_map(String::into_bytes),
                "c=[a-zA-Z=]{0,8},r=[a-zA-Z=]{0,40},p=[a-zA-Z=]{0,8}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..30)], 1..4),
    ) {
        let mut exchange = exchange(Mechanism::NAMES[which].1, Some(BOUND));
        for response in responses {
            match exchange.respond(&response, ask) {
                Step::Challenge(_) => {}
                Step::Proven(_) => return Err(TestCaseError::fail("proven by chance")),
                _ => break,
            }
        }
    }
}
