// Passes the only mail of the inbox on; runs within Thunderbird, for `thunderbird.rs`.
const [how, to, done] = arguments;
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const newest = (kind) => Services.wm.getMostRecentWindow(kind);
const pause = () =>
  new Promise((resume) => {
    const timer = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
    timer.initWithCallback(resume, 50, Ci.nsITimer.TYPE_ONE_SHOT);
  });
async function until(what, look) {
  for (let looks = 0; looks < 2000; looks++) {
    const seen = look();
    if (seen) return seen;
    await pause();
  }
  throw new Error(`${what} did not come`);
}
async function passOn() {
  const main = await until("the main window", () => newest("mail:3pane")?.msgWindow && newest("mail:3pane"));
  const folders = MailServices.accounts.localFoldersServer.rootFolder;
  const inbox = await until("the inbox", () => folders.getChildNamed("Inbox"));
  const mail = await until("the mail", () => {
    try {
      return [...inbox.messages][0];
    } catch {
      // Its index is being made.
      inbox.updateFolder(null);
      return null;
    }
  });
  MailServices.compose.OpenComposeWindow(
    null, mail, inbox.getUriForMsg(mail), Ci.nsIMsgCompType[how],
    Ci.nsIMsgCompFormat.Default, MailServices.accounts.getIdentity("id1"), null, main.msgWindow,
  );
  const compose = await until("the compose window", () => newest("msgcompose")?.composeEditorReady && newest("msgcompose"));
  compose.addressRowAddRecipientsArray(compose.document.getElementById("addressRowTo"), [to]);
  compose.SendMessage();
  await until("the end of sending", () => !newest("msgcompose"));
  return "sent";
}
passOn().then(done, (error) => done(String(error)));
