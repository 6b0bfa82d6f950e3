# o2x: `make help` tells what there is to make.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
MODE    ?= release
VERSION := 1.0.0

# Everything is made below BUILD; `make asan` uses build/asan with MODE=asan.
BUILD   := build$(if $(filter asan,$(MODE)),/asan)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
PACKAGES := libuv lua5.4 yaml-0.1 libcjson libcares hiredis
HEADERS  := libpq libcurl libmicrohttpd libcrypto expat zlib

SANITISE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMISE := $(if $(filter asan,$(MODE)),$(SANITISE),-O2 -g)
CFLAGS   ?=
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) $(HEADERS) 2>/dev/null)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DO2X_VERSION='"$(VERSION)"' $(WARNINGS) $(OPTIMISE) -Ihost \
             $(PACKAGE_CFLAGS) -MMD -MP $(CFLAGS)

# Lua is linked from its static library, so that the program does not depend on the distribution's copy.
LUA_A    := $(shell pkg-config --variable=libdir lua5.4 2>/dev/null)/liblua5.4.a
# What not every start needs is not linked but loaded at first use (host/lazy.h). What each start needs comes from
# static libraries where they are there: a shared one costs it a twentieth of a millisecond.
LIB_DIR  := $(shell pkg-config --variable=libdir libuv 2>/dev/null)
UV       := $(firstword $(wildcard $(LIB_DIR)/libuv_a.a $(LIB_DIR)/libuv.a) $(shell pkg-config --libs libuv))
YAML     := $(firstword $(wildcard $(LIB_DIR)/libyaml.a) $(shell pkg-config --libs yaml-0.1))
LIBS      = $(LUA_A) $(UV) $(YAML) -lpthread -ldl -lm
LDFLAGS  ?=

HOST    := $(filter-out host/main.c,$(wildcard host/*.c))
OBJECTS := $(HOST:host/%.c=$(BUILD)/host/%.o)
LUA      := $(shell find lua/o2x -name '*.lua' | sort)
# What o2x check, o2x defs and docs/scripting.md know scripts from: the apis, the globals, the tables that are declared.
APIS     := $(filter lua/o2x/effects/%,$(LUA)) \
            $(patsubst %,lua/o2x/script/%.lua,dsl runbook override hooks) \
            $(patsubst %,lua/o2x/project/%.lua,params tenants)
# What the lab's program is made of: the simulators, and those rooms of o2x that know nothing of runs.
LAB_LUA  := $(shell find lua/lab -name '*.lua' | sort) \
            $(filter lua/o2x/base/% lua/o2x/client/% lua/o2x/report/% lua/o2x/project/% lua/o2x/cli/args.lua \
              lua/o2x/cli/entry.lua lua/o2x/cli/usage.lua,$(LUA))
SOURCES  := $(BUILD)/lua/o2x/script/effect_sources.lua
# The names of the apis: lua/o2x/effects/NAME.lua and lua/o2x/effects/NAME/init.lua.
EFFECTS  := $(sort $(filter-out init,$(patsubst lua/o2x/effects/%.lua,%,$(wildcard lua/o2x/effects/*.lua))) \
            $(patsubst lua/o2x/effects/%/init.lua,%,$(wildcard lua/o2x/effects/*/init.lua)))
NAMES    := $(BUILD)/lua/o2x/effects/names.lua
INDEX    := $(BUILD)/lua/o2x/script/api_index.lua

all: $(BUILD)/o2x $(BUILD)/o2x-lab $(BUILD)/o2x-dev

$(BUILD)/o2x: $(OBJECTS) $(BUILD)/host/main.o $(BUILD)/embedded_o2x.o
	$(CC) $(OPTIMISE) $(LDFLAGS) -o $@ $^ $(LIBS)

# The platform in miniature: the same host with the simulators. It does not go to production.
$(BUILD)/o2x-lab: $(OBJECTS) $(BUILD)/host/main_lab.o $(BUILD)/embedded_lab.o
	$(CC) $(OPTIMISE) $(LDFLAGS) -o $@ $^ $(LIBS)

# The same host running a Lua file of the checkout: tests and tools. -rdynamic and the whole of Lua's library: busted's
# C modules use Lua's functions.
$(BUILD)/o2x-dev: $(OBJECTS) $(BUILD)/host/main_dev.o $(BUILD)/embedded_o2x.o
	$(CC) $(OPTIMISE) $(LDFLAGS) -rdynamic -o $@ $(filter-out $(LUA_A),$^) \
	  -Wl,--whole-archive $(LUA_A) -Wl,--no-whole-archive $(LIBS)

$(BUILD)/host/%.o: host/%.c | $(BUILD)/host
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/host/main_lab.o: host/main.c | $(BUILD)/host
	$(CC) $(ALL_CFLAGS) -DO2X_MAIN='"lab.main"' -c -o $@ $<

$(BUILD)/host/main_dev.o: host/main.c | $(BUILD)/host
	$(CC) $(ALL_CFLAGS) -DO2X_DEV -c -o $@ $<

$(BUILD)/embed: host/tool/embed.c | $(BUILD)/host
	$(CC) -std=c11 -O1 $(WARNINGS) $(shell pkg-config --cflags lua5.4) -o $@ $< $(LUA_A) -lm -ldl

$(BUILD)/run: host/tool/run.c host/lex.c $(wildcard host/parse*.c) | $(BUILD)/host
	$(CC) -std=c11 -O1 $(WARNINGS) -Ihost $(shell pkg-config --cflags lua5.4) -o $@ $^ $(LUA_A) -lm -ldl

$(BUILD)/embedded_o2x.c: $(BUILD)/embed $(LUA) $(BUILD)/lua.list $(SOURCES) $(NAMES) $(INDEX)
	$(BUILD)/embed lua $(LUA) $(SOURCES) $(NAMES) $(INDEX) > $@.tmp && mv $@.tmp $@

# What o2x check must know of the apis.
$(INDEX): $(BUILD)/run scripts/api_index.lua lua/o2x/script/reference.lua $(wildcard lua/o2x/script/check/*.lua) \
          $(SOURCES) $(NAMES)
	$(BUILD)/run scripts/api_index.lua '$(BUILD)/lua/?.lua;lua/?.lua' > $@.tmp && mv $@.tmp $@

$(NAMES): $(BUILD)/lua.list
	mkdir -p $(@D)
	echo 'return { $(foreach name,$(EFFECTS),"$(name)";) }' > $@

$(BUILD)/embedded_lab.c: $(BUILD)/embed $(LAB_LUA) $(BUILD)/lua.list
	$(BUILD)/embed lua $(LAB_LUA) > $@.tmp && mv $@.tmp $@

# Their sources as texts, by their names below their rooms.
$(SOURCES): $(APIS) $(BUILD)/lua.list
	mkdir -p $(@D)
	{ echo 'return {'; for file in $(APIS); do \
	  name=$$(echo "$$file" | sed -E 's,^lua/o2x/(effects|script|project)/,,; s,\.lua$$,,; s,/init$$,,; s,/,.,g'); \
	  printf '["%s"] = [==[\n' "$$name"; cat "$$file"; echo ']==],'; done; echo '}'; } > $@

# Changes when a Lua file comes or goes, so that the embedded sets follow.
$(BUILD)/lua.list: FORCE | $(BUILD)/host
	@echo '$(LUA) $(LAB_LUA)' | cmp -s - $@ || echo '$(LUA) $(LAB_LUA)' > $@

$(BUILD)/embedded_%.o: $(BUILD)/embedded_%.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/host:
	@pkg-config --exists $(PACKAGES) $(HEADERS) || { echo 'libraries are missing: run vendor/bootstrap' >&2; exit 1; }
	mkdir -p $@

asan:
	$(MAKE) MODE=asan all

test: all
	tests/all

# o2x beside the tools that it does the work of: the same input, the results compared.
reference: all
	vendor/reference $$(vendor/reference --list)
	$(BUILD)/o2x-dev tests/run.lua tests/reference/*_spec.lua

# The same tests on the real servers, which are built where Go is: the first time takes half an hour.
conformance: all
	O2X_BUILD=$(BUILD) scripts/conformance

# The attacks of tests/hostile, under the sanitizers: all of them, where make test takes a sample.
hostile: asan
	O2X_HOSTILE=all O2X_BUILD=$(BUILD)/asan $(BUILD)/asan/o2x-dev tests/run.lua tests/hostile

# Secrets of awkward shapes, looked for everywhere after every shipped runbook, failing and killed.
leakhunt: all
	$(BUILD)/o2x-dev tests/leakhunt/hunt.lua

# That plans write nothing, and that runs do what plans show: all states, where make test takes a sample.
plans: all
	O2X_PLANS=all $(BUILD)/o2x-dev tests/run.lua tests/e2e/plan_writes_nothing_spec.lua \
		tests/e2e/plan_is_run_spec.lua tests/e2e/plan_states_spec.lua \
		tests/e2e/plan_silent_systems_spec.lua

# Everything that can go wrong with each shipped runbook, in labs: make prove, make prove RUNBOOK=scale.
prove: all
	$(BUILD)/o2x-dev tests/prove/run.lua $(RUNBOOK) $(PROVE)

# Parsers of what comes from outside, fed with mutations of tests/fuzz/corpus for SECONDS each.
SECONDS ?= 10
FUZZING  = -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer

fuzz: build/fuzz/fuzz all
	scripts/fuzz $(SECONDS)

build/fuzz/fuzz: tests/fuzz/fuzz.c build/fuzz/embedded.o $(HOST:host/%.c=build/fuzz/host/%.o)
	clang $(filter-out -Werror,$(ALL_CFLAGS)) $(FUZZING) -fsanitize=fuzzer -o $@ $^ $(LIBS)

build/fuzz/embedded.o: $(BUILD)/embedded_o2x.c
	mkdir -p build/fuzz/host
	clang $(ALL_CFLAGS) -c -o $@ $<

build/fuzz/host/%.o: host/%.c
	mkdir -p build/fuzz/host
	clang $(ALL_CFLAGS) $(FUZZING) -c -o $@ $<

# Speed, beside what is possible and what people use today: make bench, make bench-NAME. bench/run.lua says how.
FLOORS := $(patsubst bench/floor/%.c,build/bench/%,$(wildcard bench/floor/*.c))
BENCH_LIBS := $(LUA_A) $(shell pkg-config --libs libuv yaml-0.1 libcjson hiredis libpq libcurl zlib) -lm -ldl

bench: all build/bench/measure $(FLOORS)
	build/o2x-dev bench/run.lua

bench-count: all
	build/o2x-dev bench/count.lua $(if $(UPDATE),--update)

bench-%: all build/bench/measure $(FLOORS)
	build/o2x-dev bench/run.lua $*

build/bench/measure: bench/measure.c
	mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -o $@ $<

build/bench/%: bench/floor/%.c
	mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) $(PACKAGE_CFLAGS) -o $@ $< -Wl,--as-needed $(BENCH_LIBS)

# Every C file, compiled for its warnings only.
warnings: | $(BUILD)/host
	for file in host/*.c; do $(CC) $(ALL_CFLAGS) -MF /dev/null -fsyntax-only "$$file" || exit 1; done

# Form and common mistakes; format lets the tools mend what they can.
lint:
	scripts/lint

format:
	scripts/lint --fix

# The rooms of the sources and the arrows between them, as a picture. Needs Graphviz.
house: $(BUILD)/o2x-dev
	$(BUILD)/o2x-dev scripts/house.lua

# docs/scripting.md and docs/o2x.1, which are made from the sources.
docs: $(BUILD)/o2x-dev
	$(BUILD)/o2x-dev scripts/docs.lua

demo:
	scripts/demo

# Programs read runbooks/ and stdlib/ at run time: they stay plain files. -P: the charts' links stay links.
install: $(BUILD)/o2x
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/o2x'
	install -m 755 $(BUILD)/o2x '$(DESTDIR)$(PREFIX)/bin/o2x'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 644 docs/o2x.1 '$(DESTDIR)$(PREFIX)/share/man/man1/o2x.1'
	cp -RP $(wildcard runbooks stdlib examples) '$(DESTDIR)$(PREFIX)/share/o2x/'

# The lab beside it, for machines on which people try things.
install-lab: $(BUILD)/o2x-lab
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 $(BUILD)/o2x-lab '$(DESTDIR)$(PREFIX)/bin/o2x-lab'

clean:
	rm -rf build

help:
	@echo 'make                 build/o2x, build/o2x-lab (o2x lab) and build/o2x-dev, which runs a Lua file: tests, tools'
	@echo 'make demo            install what is needed, start the lab, onboard a tenant, show what was made'
	@echo 'make test            all tests'
	@echo 'make reference       o2x beside the tools that it does the work of: vendor/reference installs them'
	@echo 'make conformance     the same tests on real servers (Vault, Kubernetes), which it builds once'
	@echo 'make hostile         attacks on scope, secrets, sandbox and limits, under the sanitizers'
	@echo 'make fuzz SECONDS=10 mutated inputs for every parser, that long each'
	@echo 'make plans           plans of every runbook in many states: they write nothing, and runs do what they show'
	@echo 'make prove           everything that can go wrong with each shipped runbook; RUNBOOK=scale for one'
	@echo 'make leakhunt        every runbook with marked secrets, failing and killed; then the search for them'
	@echo 'make bench           speed beside floors, shell and peers, into bench/RESULTS.md; make bench-NAME: one of them'
	@echo 'make bench-count     requests, syncs, children, instructions beside bench/counts.json: none may grow'
	@echo 'make lint            formatters and linters; make format mends what they can mend'
	@echo 'make house           draws the rooms and arrows of the sources into docs/house.svg'
	@echo 'make docs            docs/scripting.md and the manual page, from the sources'
	@echo 'make asan            build/asan/o2x and o2x-dev, with the address and undefined behaviour sanitizers'
	@echo 'make install         to $$(DESTDIR)$$(PREFIX); PREFIX=/usr/local'
	@echo 'make install-lab     likewise the lab, which production does not need'
	@echo 'make clean           removes build/'

.PHONY: all asan test reference conformance hostile plans prove fuzz leakhunt bench bench-count warnings lint \
	format house docs demo install install-lab clean help FORCE
FORCE:

-include $(wildcard $(BUILD)/host/*.d)
