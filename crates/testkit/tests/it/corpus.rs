//! Every file of the corpus through the real door, in three frames: none is lost, none is doubled, none hangs, and
//! what becomes of each is what is written down in `crates/testkit/corpus/expect.tsv`.
//!
//! `UPDATE_EXPECT=1` writes the list anew.

use std::time::Duration;

use postroom::commands::{Reply, Request};
use testkit::House;
use testkit::corpus::{self, Expectations, Line, Piece, Sent};
use testkit::missing::or_skip;

/// As long as one mail may take, not optimized, on a machine that does other things too. One that hangs a reader takes far
/// longer.
const LONGEST: Duration = Duration::from_secs(10);

/// Undeliverable mails in a hundred.
const UNDELIVERABLE_MAX: usize = 1;

#[test]
fn every_file_of_the_corpus_ends_as_written_down() {
    or_skip(|| {
        let folder = corpus::folder()?;
        let pieces = corpus::pieces(&folder)?;
        assert!(pieces.len() > 1_000, "only {} mails are there", pieces.len());
        let run = corpus::send_all(&pieces)?;
        let found = Expectations::of(&pieces, &run.sent);
        print(&found, &run.sent);
        books_agree_with_the_sender(&run.house, &run.sent);
        assert_eq!(slow(&pieces, &run.sent)?, Vec::<String>::new());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            found.write()?;
        }
        let differences = Expectations::read()?.differences(&found);
        assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
        few_are_undeliverable(&found);
        Ok(())
    });
}

/// For people: `cargo xtask corpus` shows it.
#[expect(clippy::print_stdout, reason = "the table is what people run it for")]
fn print(found: &Expectations, sent: &[[Sent; 3]]) {
    println!("| what | became | forwarded | direct | report |\n|---|---|---|---|---|");
    for kinds in [&["mail", "mbox", "text"][..], &["fragment"], &["file"]] {
        for (became, counts) in found.table(|line| kinds.contains(&line.kind.as_str())) {
            println!("| {} | {became} | {} | {} | {} |", kinds.join(", "), counts[0], counts[1], counts[2]);
        }
    }
    let slowest = sent.iter().flatten().map(|sent| sent.took).max().unwrap_or_default();
    println!("\n{} messages in three frames, the slowest took {slowest:?}", sent.len());
}

/// So many 250s, so many copies, each with its outcome.
fn books_agree_with_the_sender(house: &House, sent: &[[Sent; 3]]) {
    let Reply::Verified(books) = house.command(Request::Verify(None)).unwrap() else { panic!("no books") };
    assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
    let seen: i64 = books.iter().map(|book| book.seen).sum();
    let taken = sent.iter().flatten().filter(|sent| sent.answer == 250).count();
    assert_eq!(usize::try_from(seen).unwrap(), taken);
}

/// What took too long is sent again in a house of its own: a machine that was busy is no fault of the mail.
fn slow(pieces: &[Piece], sent: &[[Sent; 3]]) -> anyhow::Result<Vec<String>> {
    let is_slow = |sent: &[Sent; 3]| sent.iter().any(|sent| sent.took > LONGEST);
    let suspects = pieces.iter().zip(sent).filter(|(_, sent)| is_slow(sent)).map(|(piece, _)| piece.clone());
    let suspects: Vec<Piece> = suspects.collect();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let again = corpus::send_all(&suspects)?;
    let slow = suspects.iter().zip(&again.sent).filter(|(_, sent)| is_slow(sent));
    Ok(slow.map(|(piece, _)| piece.name.clone()).collect())
}

fn few_are_undeliverable(found: &Expectations) {
    for frame in 0..3 {
        let is_mail = |line: &&Line| line.kind != "file" && line.kind != "fragment";
        let mails = found.0.values().filter(is_mail).map(|line| &line.became[frame]);
        let all = mails.clone().count();
        let undeliverable = mails.filter(|became| became.contains("undeliverable")).count();
        assert!(
            undeliverable * 100 <= all * UNDELIVERABLE_MAX,
            "{undeliverable} of {all} are Undeliverable in frame {frame}"
        );
    }
}
