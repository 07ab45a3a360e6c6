use super::*;

fn check(rich: &str, expect: &str) {
    let found = match read(rich.as_bytes()) {
        Text::Html(html) => format!("html {html}"),
        Text::Plain(plain) => format!("plain {plain}"),
    };
    assert_eq!(found, expect, "{rich}");
}

#[test]
fn html_is_taken_out_of_what_wraps_it() {
    check(
        "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 {\\fonttbl{\\f0\\fswiss Arial;}{\\f1\\fcharset204 Cyr;}}\n\
         {\\*\\htmltag19 <html>}{\\*\\htmltag64 <p>}\\htmlrtf {\\b\\htmlrtf0 caf\\'e9 \\f1 \\'cf\\'f0\\htmlrtf }\\htmlrtf0\n\
         {\\*\\htmltag84 &nbsp;}\\htmlrtf \\~\\htmlrtf0 {\\*\\mhtmltag64 <q>}{\\*\\htmltag72 </p>}\\par\n}",
        "html <html><p>café Пр&nbsp;</p>\r\n",
    );
}

#[test]
fn plain_text_is_what_is_left_of_formatting() {
    check("{\\rtf1\\ansi\\fromtext{\\fonttbl{\\f0 X;}}a\\par b\\u8364 ?c\\{\\tab d}", "plain a\r\nb€c{\td");
    check("{\\rtf1{\\info{\\title t}}{\\*\\x y}{\\pict 00ff}a\\u-10179 ?\\u-8704 ?\\bin3 {}}b", "plain a😀b");
    check("{\\rtf1{\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt link}}}", "plain link");
    check("", "plain ");
    check("}}}a", "plain ");
}

#[test]
fn compressed_text_is_expanded_and_never_too_far() {
    // [MS-OXRTFCP] §4.1.1 and §4.1.2.
    let simple = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125\x42\x32\x0a\xf3\x20hel\x09\0\x20bw\x05\xb0ld\x7d\x0a\x80\x0f\xa0";
    let plain = decompressed(simple).unwrap();
    assert_eq!(plain, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
    let crossing = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4\x4b\x51\x41\0\x04\x20WXYZ\x0d\x6e\x7d\x01\x0e\xb0";
    assert_eq!(decompressed(crossing).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
    for size in 0..simple.len() {
        decompressed(&simple[..size]);
    }
    let mut bomb = b"\xff\xff\xff\xff\xff\xff\xff\xffLZFu\0\0\0\0".to_vec();
    let mut at = PRELOADED.len();
    while bomb.len() < limits::RTF_BYTES_MAX / 4 {
        bomb.push(0xff);
        for _ in 0..8 {
            let reference = u16::try_from((at + 1) % DICTIONARY_BYTES).unwrap() << 4 | 0xf;
            bomb.extend(reference.to_be_bytes());
            at = (at + 17) % DICTIONARY_BYTES;
        }
    }
    assert_eq!(decompressed(&bomb).unwrap().len(), limits::RTF_BYTES_MAX);
}

#[test]
fn nesting_without_end_is_given_up() {
    assert!(matches!(read(&b"{".repeat(2 << 20)), Text::Plain(text) if text.is_empty()));
    assert!(matches!(read(&b"{a}".repeat(1 << 16)), Text::Plain(text) if text.len() == 1 << 16));
}
