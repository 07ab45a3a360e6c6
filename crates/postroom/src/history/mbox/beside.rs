//! Where the messages of a mailbox file begin, beside what mimekit wrote down for its own. Read from the folder that
//! `POSTROOM_CORPUS` names; skipped where it names none.

use std::io::Cursor;
use std::path::PathBuf;

use super::*;

#[test]
fn mailbox_files_of_mimekit_part_where_it_says() {
    let corpus = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from);
    let folder = corpus.map(|corpus| corpus.join("mimekit/UnitTests/TestData/mbox"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        return println!("skipped: POSTROOM_CORPUS names no mailbox files of mimekit");
    };
    for (name, messages) in [("content-length", 29), ("issue1189", 4)] {
        let file = std::fs::read(folder.join(format!("{name}.mbox.txt"))).unwrap();
        let listed = std::fs::read_to_string(folder.join(format!("{name}.unix-offsets.json"))).unwrap();
        let listed: serde_json::Value = serde_json::from_str(listed.trim_start_matches('\u{feff}')).unwrap();
        let listed: Vec<u64> =
            listed.as_array().unwrap().iter().map(|it| it["mboxMarkerOffset"].as_u64().unwrap()).collect();
        let mut mbox = Mbox::open(Cursor::new(&file), Form::Rd).unwrap().unwrap();
        let mut found = Vec::new();
        while let Some(piece) = mbox.next_piece().unwrap() {
            found.push(piece.offset);
        }
        assert_eq!(found, listed, "{name}");
        assert_eq!(found.len(), messages, "{name}");
    }
}
