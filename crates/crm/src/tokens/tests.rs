use super::*;

fn tokens(seeds: &[u8]) -> Tokens {
    Tokens { keys: seeds.iter().map(|seed| [*seed; 32]).collect() }
}

const ZOE: SentTo = SentTo { email: Id([0x5a; 16]), number: 1_000 };

#[test]
fn a_return_path_is_known_again_in_any_case_and_at_any_domain() {
    let path = tokens(&[1]).return_path(ZOE, "bounces.contoso.test").unwrap();
    assert!(path.local_part().len() <= 64, "{path}");
    assert_eq!(path.as_str(), path.as_str().to_lowercase());
    let shouted = EmailAddress::parse(&path.as_str().to_uppercase()).unwrap();
    let elsewhere = EmailAddress::parse(&format!("{}@former.test", path.local_part())).unwrap();
    for address in [&path, &shouted, &elsewhere] {
        assert_eq!(tokens(&[1]).sent_to(address), Some(ZOE), "{address}");
    }
    // A key that was put in front makes the next ones; what went out before is known still.
    assert_eq!(tokens(&[2, 1]).sent_to(&path), Some(ZOE));
    assert_ne!(tokens(&[2, 1]).return_path(ZOE, "bounces.contoso.test"), Some(path.clone()));
    assert_eq!(tokens(&[2]).sent_to(&path), None, "of another organization");
}

#[test]
fn what_was_changed_or_made_up_is_nothing() {
    let tokens = tokens(&[1]);
    let path = tokens.return_path(ZOE, "x.test").unwrap().to_string();
    for place in 2..47 {
        let mut changed = path.clone().into_bytes();
        changed[place] = if changed[place] == b'q' { b'r' } else { b'q' };
        let changed = EmailAddress::parse(std::str::from_utf8(&changed).unwrap()).unwrap();
        assert_eq!(tokens.sent_to(&changed), None, "{changed}");
    }
    for other in ["b@x.test", "b+@x.test", "b+abc@x.test", "c+abc@x.test", "b+jane=contoso.test@x.test"] {
        assert_eq!(tokens.sent_to(&EmailAddress::parse(other).unwrap()), None, "{other}");
    }
    let longer = EmailAddress::parse(&path.replace('@', "a@")).unwrap();
    assert_eq!(tokens.sent_to(&longer), None);
}

#[test]
fn each_recipient_has_a_path_of_his_own() {
    let tokens = tokens(&[1]);
    let of = |number| tokens.return_path(SentTo { number, ..ZOE }, "x.test");
    assert_ne!(of(1), of(2));
    assert_eq!(of(70_000), None, "no mail has so many");
}

#[test]
fn base32_is_that_of_the_standard() {
    // RFC 4648 §10, without padding.
    for (plain, coded) in [
        ("", ""),
        ("f", "my"),
        ("fo", "mzxq"),
        ("foo", "mzxw6"),
        ("foob", "mzxw6yq"),
        ("fooba", "mzxw6ytb"),
        ("foobar", "mzxw6ytboi"),
    ] {
        assert_eq!(base32::encode(plain.as_bytes()), coded);
        assert_eq!(base32::decode(coded).as_deref(), Some(plain.as_bytes()));
    }
    for bad in ["m", "mz1", "mé", "mzy"] {
        assert_eq!(base32::decode(bad), None, "{bad}");
    }
}
