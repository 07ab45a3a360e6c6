#!/bin/sh
# Hands what lies in a pickup folder to a mail server of this machine: pickup.sh FOLDER [SENDMAIL]. It ends when the folder is empty;
# cron or a path unit of systemd runs it again. What the server does not take stays, and is tried at the next run; then it ends with 75.
set -eu
folder=$1
sendmail=${2:-/usr/sbin/sendmail}
work=$folder/.work
mkdir -p "$work"
# One at a time.
exec 9>"$work/lock"
flock -n 9 || exit 0

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
    # A whole file and no pipe: whoever reads a pipe takes half a mail for a whole one where its writer is killed.
    tail -n "+$((lines + 1))" "$mail" | tr -d '\r' >"$work/text"
    if "$sendmail" -i -f "$sender" -- "$@" <"$work/text" 9>&-; then
        rm "$mail"
    else
        left=75
    fi
done
rm -f "$work/text"
exit "$left"
