//! Pictures that a person put into the text of a letter: browsers send them inside the HTML (RFC 2397), mails carry them as
//! parts that the HTML names (RFC 2392).

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::outbox::File;
use message::identity::raw_digest;
use model::limits;

use super::super::content::PICTURES;

const BEGIN: &str = "data:image/";

/// Takes the pictures out of the HTML; each stands there by its name from then on, however often it is shown. What is no picture
/// stays as it is, and the cleaner leaves it out. One more than a mail may have files is enough for it to be refused.
pub(super) fn taken_out(html: &str) -> (String, Vec<File>) {
    let (mut out, mut files) = (String::with_capacity(html.len()), Vec::<File>::new());
    let (mut rest, mut seen) = (html, HashSet::new());
    while files.len() <= limits::ATTACHMENTS_MAX
        && let Some(at) = rest.find(BEGIN)
    {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // Where it stands in quotation marks it ends with them.
        let quote = before.chars().next_back().filter(|c| ['"', '\''].contains(c));
        let end = quote.and_then(|quote| from.find(quote)).unwrap_or(BEGIN.len());
        let (url, after) = from.split_at(end);
        match quote.and_then(|_| picture(url, files.len() + 1)) {
            Some(file) => {
                let id = file.content_id.clone().unwrap_or_default();
                out.push_str(&format!("cid:{id}"));
                if seen.insert(id) {
                    files.push(file);
                }
            }
            None => out.push_str(url),
        }
        rest = after;
    }
    out.push_str(rest);
    (out, files)
}

fn picture(url: &str, number: usize) -> Option<File> {
    let (mimetype, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let mimetype = PICTURES.into_iter().find(|known| known.eq_ignore_ascii_case(mimetype))?;
    let bytes = STANDARD.decode(data.trim()).ok().filter(|bytes| !bytes.is_empty())?;
    let ending = mimetype.trim_start_matches("image/");
    let digest: String = raw_digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Some(File {
        name: format!("picture-{number}.{ending}"),
        mimetype: mimetype.to_owned(),
        content_id: Some(format!("{digest}.{ending}")),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_more_pictures_than_a_mail_may_have_the_rest_is_not_looked_at() {
        let picture = |number: u32| {
            format!("<img src=\"data:image/png;base64,{}\">", STANDARD.encode(number.to_be_bytes()))
        };
        let html: String = (0..100_000).map(picture).collect();
        let (out, files) = taken_out(&html);
        assert_eq!(files.len(), limits::ATTACHMENTS_MAX + 1, "one too many, so that the mail is refused");
        assert!(out.ends_with(&picture(99_999)));
    }

    #[test]
    fn pictures_become_parts_and_all_else_stays() {
        let html = "<p>a<img src=\"data:image/png;base64,iVBORw==\" alt=\"x\">b<img src='data:image/png;base64,iVBORw=='>\
            <img src=\"data:image/gif;base64,R0lGOA==\"></p>";
        let (out, files) = taken_out(html);
        let ids: Vec<&str> = files.iter().filter_map(|file| file.content_id.as_deref()).collect();
        let [png, gif] = ids.as_slice() else { panic!("each once: {ids:?}") };
        assert_eq!(
            out,
            format!("<p>a<img src=\"cid:{png}\" alt=\"x\">b<img src='cid:{png}'><img src=\"cid:{gif}\"></p>")
        );
        assert_eq!((files[0].bytes.as_slice(), files[0].mimetype.as_str()), (&b"\x89PNG"[..], "image/png"));
        assert_eq!(files[1].name, "picture-2.gif");
        for odd in [
            "data:image/svg+xml;base64,PHN2Zz4=",
            "\"data:image/svg+xml;base64,PHN2Zz4=\"",
            "\"data:image/png;base64,***\"",
            "\"data:image/png;base64,\"",
            "\"data:image/png",
            "data:image/",
            "text about data:image/png;base64,AAAA in words",
        ] {
            let (out, files) = taken_out(odd);
            assert!(out == odd && files.is_empty(), "{odd}");
        }
    }
}
