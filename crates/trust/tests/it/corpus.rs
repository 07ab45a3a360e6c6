//! Signed mail of other projects, where keys lie beside it (`POSTROOM_CORPUS`).

use std::fs;
use std::path::PathBuf;

use model::trust::{Check, Finding};

use crate::world::{World, found};

fn folder(inside: &str) -> Option<PathBuf> {
    let corpus = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from);
    let folder = corpus.map(|corpus| corpus.join(inside)).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: POSTROOM_CORPUS names no folder with {inside}");
    }
    folder
}

/// As it was before it was kept in a file of lines.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    text.replace('\n', "\r\n").into_bytes()
}

#[tokio::test]
async fn signatures_of_google_and_of_the_standard_hold() {
    let Some(folder) = folder("mimekit/UnitTests/TestData/dkim") else { return };
    let world = World::new().await;
    let pem = fs::read_to_string(folder.join("gmail.pub")).unwrap();
    let key: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    world.publish(("20120113", "gmail.com"), &format!("k=rsa; p={key}"));
    // RFC 8463 §A.2.
    world.publish(
        ("brisbane", "football.example.com"),
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    );
    world.publish(
        ("test", "football.example.com"),
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JY\
         i0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3\
         QIDAQAB",
    );
    for (name, signatures) in
        [("gmail", 1), ("multipart-no-end-boundary", 1), ("related", 1), ("rfc8463-example", 2)]
    {
        let mail = with_crlf(&fs::read(folder.join(format!("{name}.msg"))).unwrap());
        let verdict = world.verify(&mail).await;
        let passed = found(&verdict, Check::Dkim).iter().filter(|(it, _)| *it == Finding::Pass).count();
        assert_eq!(passed, signatures, "{name}: {verdict:?}");
        let changed = String::from_utf8(mail).unwrap().replacen("Subject: ", "Subject: Re: ", 1);
        let verdict = world.verify(changed.as_bytes()).await;
        assert!(found(&verdict, Check::Dkim).iter().all(|(it, _)| *it == Finding::Fail), "{name}");
    }
}
