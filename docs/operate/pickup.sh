#!/bin/sh
# Hands what lies in a pickup folder to a mail server of this machine: pickup.sh FOLDER [SENDMAIL]. It ends when the folder is empty;
# cron or a path unit of systemd runs it again. What the server does not take stays, and is tried at the next run; then it ends with 75.
# It ends with 69 without the flock of util-linux, and with 77 for root in a folder that others can write to.
set -eu
folder=$1
sendmail=${2:-/usr/sbin/sendmail}
work=$folder/.work
# Whoever can write to the folder could lay a link there, and root would write where it leads.
if [ "$(id -u)" = 0 ] && [ -z "$(find "$folder/." -prune -user 0 ! -perm -020 ! -perm -002)" ]; then
    echo "pickup.sh: run it as the user of Postroom: others than root can write to $folder" >&2
    exit 77
fi
if ! command -v flock >/dev/null; then
    echo "pickup.sh: it needs flock (util-linux)" >&2
    exit 69
fi
mkdir -p "$work"
# One at a time.
exec 9>"$work/lock"
flock -n -E 200 9 || { [ "$?" = 200 ] && exit 0; exit 69; }

# From here on Postroom writes no more to it: a mail that it tries again becomes a file of its own.
for mail in "$folder"/*.eml; do
    if [ -e "$mail" ]; then mv "$mail" "$work/"; fi
done

carriage_return=$(printf '\r')
left=0
for mail in "$work"/*.eml; do
    [ -e "$mail" ] || continue
    sender='<>'
    lines=0
    set --
    while IFS= read -r line; do
        line=${line%"$carriage_return"}
        case $line in
            'X-Sender: '*) sender=${line#X-Sender: } ;;
            'X-Receiver: '*) set -- "$@" "${line#X-Receiver: }" ;;
            *) break ;;
        esac
        lines=$((lines + 1))
    done <"$mail"
    # Whole files and no pipe: whoever reads a pipe takes half a mail for a whole one where its writer is killed.
    tail -n "+$((lines + 1))" "$mail" >"$work/whole" && tr -d '\r' <"$work/whole" >"$work/text" || { left=75; continue; }
    if "$sendmail" -i -f "$sender" -- "$@" <"$work/text" 9>&-; then
        rm "$mail"
    else
        left=75
    fi
done
rm -f "$work/whole" "$work/text"
exit "$left"
