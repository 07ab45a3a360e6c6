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
  for (let looks = 0; looks < 800; looks++) {
    const seen = look();
    if (seen) return seen;
    await pause();
  }
  const open = [...Services.wm.getEnumerator(null)].map((one) => `${one.location} ${one.document.title}`);
  throw new Error(`${what} did not come; open are ${open.join(", ")}`);
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
  // As long as its button is grey, to send does nothing: the recipients are looked at first.
  const canSend = () => compose.gSendLocked === false && !compose.gWindowLocked && !compose.gNumUploadingAttachments;
  await until("a button to send with", canSend);
  let looks = 0;
  compose.SendMessage();
  await until("the end of sending", () => {
    if (!newest("msgcompose")) return true;
    looks += 1;
    // On a busy machine the button may have gone grey again between both.
    if (looks % 100 === 0 && !compose.gSendOperationInProgress && canSend()) compose.SendMessage();
    return false;
  });
  return "sent";
}
passOn().then(done, (error) => done(String(error)));
