#!/bin/sh
# Renders the charts of a list: shell.sh LIST TREE
set -eu
while read -r name chart values; do
	helm template "$name" "$2/$chart" -f "$2/$values" --namespace default
done <"$1"
