//! A house whose large mail goes to a bucket: it says what is wrong with it, and small mail flows all the same.

use bucketkit::{BUCKET, BucketServer, KEY, Manner, SECRET};

use crate::client::{MailClient, mail};
use crate::program::Place;

/// A place whose settings name the bucket of a server.
fn place(server: &BucketServer, secret: &str) -> Place {
    let place = Place::with_contoso();
    place.file("key", format!("aws_access_key_id = {KEY}\naws_secret_access_key = {secret}\n"));
    let (endpoint, key) = (server.endpoint(), place.path("key"));
    let section = format!(
        "[blobs]\nbucket = \"{BUCKET}\"\nendpoint = \"{endpoint}\"\ncredentials = \"{}\"\n",
        key.display()
    );
    place.file("postroom.toml", section);
    place
}

/// A mail of 300 KB that cannot be compressed much.
fn large(number: u32) -> String {
    let mut state = number;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from((state >> 16) % 90).unwrap())
    };
    let lines = (0..4_000).map(|_| (0..75).map(|_| letter()).collect::<String>().replace('.', ",") + "\r\n");
    mail(number) + &lines.collect::<String>()
}

#[test]
fn large_mail_is_kept_in_the_bucket_and_put_off_while_it_is_away() {
    let server = BucketServer::start().unwrap();
    let place = place(&server, SECRET);
    let house = place.serve();
    let sink = ["crm@sink.test"];
    let send = |text: &str| MailClient::smtp(house.smtp).send(&sink, text);
    assert!(send(&large(1)).starts_with("250 "));
    assert_eq!(server.objects().len(), 2, "the mail, and whose it is");

    server.behave(Manner::Busy);
    let answer = send(&large(2));
    assert!(answer.starts_with("451 "), "{answer}");
    assert!(send(&mail(3)).starts_with("250 "));
    let said = place.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("but: the bucket's server refuses for now (SlowDown)"), "{said:?}");

    server.behave(Manner::Serve);
    let said = place.well(&["check"]);
    assert!(said.contains("which works") && said.contains("in the bucket  1 mails"), "{said}");
    assert!(place.well(&["verify", "--bytes"]).contains("all is well"));
    std::fs::remove_file(&server.objects()[0]).unwrap();
    let said = place.run(&["verify"]);
    assert!(said.out.contains("1 kept sources have lost their object in the bucket"), "{said:?}");
    drop(house);
}

#[test]
fn a_house_does_not_start_on_the_bucket_of_another_one_unless_it_takes_it() {
    let server = BucketServer::start().unwrap();
    let (first, second) = (place(&server, SECRET), place(&server, SECRET));
    drop(first.serve());
    for command in ["serve", "check"] {
        let said = second.run(&[command]);
        assert_eq!(said.code, 1, "{said:?}");
        let all = said.out.clone() + &said.err;
        assert!(all.contains("belongs to another house under the prefix “”"), "{said:?}");
        assert!(all.contains("set another blobs.prefix"), "{said:?}");
    }
    assert!(second.well(&["check", "--take-bucket"]).contains("which works"));
    let house = second.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &large(1)).starts_with("250 "));
    let said = first.run(&["serve"]);
    assert!(said.err.contains("belongs to another house"), "{said:?}");
    let said = Place::with_contoso().run(&["check", "--take-bucket"]);
    assert!(said.code == 1 && said.err.contains("blobs.bucket is empty"), "{said:?}");
}

#[test]
fn a_house_starts_without_an_answer_and_not_against_a_no() {
    let server = BucketServer::start().unwrap();
    let wrong = place(&server, "guess");
    let said = wrong.run(&["serve"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("refuses these credentials (SignatureDoesNotMatch)"), "{said:?}");
    assert!(!said.err.contains("guess"), "{said:?}");

    server.behave(Manner::Busy);
    let house = wrong.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &mail(1)).starts_with("250 "));
}
