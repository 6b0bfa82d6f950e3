#!/usr/bin/env bash
# Runs many commands in their order, as many at a time as the processors have room for.

# has_room: was a processor without work, for most of the time since this last looked? Not within a second: then no.
has_room_looked=0 has_room_rested=0
has_room() {
	local now=${EPOCHREALTIME/./} rested since=$has_room_looked before=$has_room_rested
	[ $((now - since)) -ge 1000000 ] || return 1
	read -r _ _ _ _ rested _ <"${PROC_STAT:-/proc/stat}" || return 1
	rested=$((rested * 1000000 / $(getconf CLK_TCK)))
	has_room_looked=$now has_room_rested=$rested
	[ $(((rested - before) * 100)) -ge $(((now - since) * 60)) ]
}

# each_with_room N COMMAND [WORD …]: runs the command for each line that it reads, with the line as its last word: N at
# a time, and one more, up to twice as many, each time that there is room. Waits for all. The shell knows which go on; a
# command that ends only wakes it, through a pipe, so that a word that is lost there costs a second and no more.
each_with_room() {
	local most=$1 line pipe ended running
	shift
	pipe=$(mktemp -u) && mkfifo "$pipe" && exec {ended}<>"$pipe" && rm -f "$pipe" || return 1
	has_room # the first look only sees what is there
	while read -r line; do
		until running=$(jobs -rp | wc -l) && [ "$running" -lt "$most" ] ||
			{ [ "$running" -lt $((2 * most)) ] && has_room; }; do
			read -r -t 1 -u "$ended"
		done
		{ "$@" "$line" </dev/null; echo >&"$ended"; } &
	done
	wait
	exec {ended}>&-
}
