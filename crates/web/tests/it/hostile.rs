//! Whatever a stranger writes into a mail or a name is text, on every page.

use crate::site::{PAGES, Site};
use crate::world::HOSTILE;

#[tokio::test]
async fn no_value_becomes_markup() {
    let site = Site::of_administrator();
    let mail = "/emails/019ab100-0000-7000-8000-000000000008";
    let record = "/contacts/019ab100-0000-7000-8000-00000000006b";
    let mut shown = 0;
    for path in PAGES.iter().chain(&[
        mail,
        record,
        "/mail?after=0",
        "/people?q=%3Cscript%3E",
        "/people?q=%22%3E%3Cimg",
    ]) {
        let page = site.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>") && !page.text.contains("<img"), "{path}");
        assert!(!page.text.contains(HOSTILE), "{path}");
        shown += page.text.matches("&lt;script&gt;alert").count();
    }
    assert!(shown > 20, "the stranger is there: {shown}");
}

#[tokio::test]
async fn a_file_name_stays_inside_its_header() {
    let site = Site::signed_in();
    let answer = site
        .get("/emails/019ab100-0000-7000-8000-000000000008/attachments/019ab100-0000-7000-8000-000000000438")
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename=\"_script_alert(_x_)__script_")
    );
    assert_eq!(answer.header("content-type"), "application/octet-stream", "HTML is saved, not shown");
    assert_eq!(
        answer.header("content-security-policy"),
        "sandbox; default-src 'none'; frame-ancestors 'none'"
    );
}
