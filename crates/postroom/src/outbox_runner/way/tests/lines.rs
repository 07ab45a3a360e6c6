//! Lines of a mail on their way out: whatever the way, no bare CR or LF leaves.

use std::path::PathBuf;

use connect::smtp::NONCE_BYTES;
use crm::outbox::{LMTP, Relay};
use model::Id;
use send::{Carrier as _, Parcel, Tried};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::super::{Way, all};

/// A socket that takes every mail, and all that was said there when the session ended.
fn server(path: PathBuf) -> JoinHandle<String> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (read, mut write) = socket.into_split();
        let (mut read, mut heard, mut is_text) = (BufReader::new(read), Vec::new(), false);
        write.write_all(b"220 here\r\n").await.unwrap();
        loop {
            let begins = heard.len();
            if read.read_until(b'\n', &mut heard).await.unwrap_or_default() == 0 {
                return String::from_utf8(heard).unwrap();
            }
            let line = &heard[begins..];
            let reply: &[u8] = match line {
                b".\r\n" => b"250 taken\r\n",
                _ if is_text => continue,
                b"DATA\r\n" => b"354 go on\r\n",
                _ => b"250 well\r\n",
            };
            is_text = line == b"DATA\r\n";
            // Whoever takes leave may not wait for it.
            let _ = write.write_all(reply).await;
        }
    })
}

fn parcel(raw: &[u8]) -> Parcel {
    Parcel {
        name: "mail".to_owned(),
        mail_from: "jane@contoso.test".to_owned(),
        recipients: vec!["zoe@fabrikam.test".to_owned()],
        raw: raw.into(),
        wants_report: false,
    }
}

#[tokio::test]
async fn by_lmtp_too_no_bare_cr_or_lf_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lmtp");
    let server = server(socket.clone());
    let relay = Relay {
        id: Id::default(),
        kind: LMTP,
        host: socket.display().to_string(),
        port: 0,
        tls: crm::mailboxes::NONE,
        authority: None,
        login: None,
    };
    let mut way = Way::open(relay, None, ("here", &[7; NONCE_BYTES])).await.unwrap();
    let refused = "5.6.0 It has a CR or LF that ends no line, or its sender is no address";
    let odd: [&[u8]; 4] = [
        b"Subject: odd\r\n\r\nbehind\n.\r\nRSET\r\n",
        b"Subject: odd\r\n\r\nbehind\r.\rRSET\r\n",
        b"Subject: odd\nBcc: all\r\n\r\nhead\r\n",
        b"Subject: odd\r\n\r\nat its end\r",
    ];
    for raw in odd {
        let parcel = parcel(raw);
        assert_eq!(way.send(&parcel, async { true }).await, all(&parcel, 554, refused));
    }
    let Tried::Answered(replies) = way.send(&parcel(b"Subject: even\r\n\r\n.\r\n"), async { true }).await
    else {
        panic!("nothing was answered")
    };
    assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), [250]);
    way.close().await;
    let heard = server.await.unwrap();
    assert!(!heard.contains("odd") && heard.contains("Subject: even\r\n\r\n..\r\n.\r\n"), "{heard}");
    assert_eq!(heard.matches("MAIL FROM").count(), 1, "{heard}");
}
