// A complete backend for the IOC console in one file: protocol version 1 (../../protocol.md), in C++17 with libzmq,
// SQLite and nlohmann's JSON, all from Debian. Its city is one river gauge and an alarm now and then: put your own
// into `world()`. Numbers (§ 5) are sections of protocol.md. One thread does everything.
//
//     ./backend DATA_FOLDER CTL_ADDRESS LIVE_ADDRESS [MODE]      DATA_FOLDER/stations/NAME.key: who may join
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>
#include <sqlite3.h>
#include <thread>
#include <zmq_addon.hpp>

using nlohmann::json;
using Text = std::string; using Int = std::int64_t;
using Frames = std::vector<zmq::message_t>;
namespace fs = std::filesystem;
namespace opt = zmq::sockopt;
const size_t FRAME = 1 << 20, PART = 480 << 10, DEPTH = 16;
const Int SECOND = 1'000'000'000;
const std::set<Text> MODES = {"live", "demo", "exercise", "replay", "test"};
const std::set<Text> STATE = {"alarms", "incidents", "reports", "cameras", "sensors",
                              "indicators", "layouts", "roster", "stations", "config"};
const std::regex VERBS("acknowledge|claim|release|shelve|unshelve|reset|(out_of|in)_service|comment|step|push_layout|intake|log|"
    "categorise|assign|start|send_back|pause|resume|reject|close|reopen|(un)?merge|order(_step)?|cover|(hand|take)_over|configure");
const auto MORE = zmq::send_flags::sndmore;
volatile std::sig_atomic_t stopping = 0;
Int now() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }
Int monotonic_ms() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::milliseconds(1); }
Text random_text() { return std::to_string(std::random_device()()) + std::to_string(std::random_device()()); }

// --- JSON as § 3 wants it: what breaks a rule is refused as a whole -------------------------------------------------
struct Bad : std::exception {};
// Sees every token once; false ends the reading. NaN, bad UTF-8 and half surrogate pairs the library itself refuses.
struct Strict : nlohmann::json_sax<json> {
    std::vector<std::set<Text>> open;  // keys seen in each object or list that is not closed yet
    bool start_array(size_t) override { return open.emplace_back(), open.size() <= DEPTH; }
    bool start_object(size_t size) override { return start_array(size); }
    bool end_array() override { return open.pop_back(), true; }
    bool end_object() override { return end_array(); }
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(Int) override { return true; }
    bool number_unsigned(std::uint64_t value) override { return value <= std::uint64_t(INT64_MAX); }
    bool number_float(double, const Text& digits) override { return digits.find_first_of(".eE") != Text::npos; }
    bool string(Text& value) override { return value.find('\0') == Text::npos; }
    bool binary(json::binary_t&) override { return false; }
    bool key(Text& name) override { return string(name) && open.back().insert(name).second; }
    bool parse_error(size_t, const Text&, const nlohmann::detail::exception&) override { return false; }
};

json read_json(const Text& raw) {
    Strict strict;  // the library would skip a byte order mark, and stop at a NUL
    bool odd = raw.size() > FRAME || raw.find('\0') != Text::npos || raw.rfind("\xef\xbb\xbf", 0) == 0;
    if (odd || !json::sax_parse(raw, &strict)) throw Bad();
    return json::parse(raw);
}

// Fields with their types; one that is missing and has no default is an error, an unknown one is not looked at.
using Kind = json::value_t;
json field(const json& m, const char* name, const json& other, Kind kind) {
    json value = m.is_object() && m.contains(name) ? m[name] : other;
    if (value.type() == Kind::number_unsigned) value = value.get<Int>();
    if (value.type() != kind) throw Bad();
    return value;
}
Int whole(const json& m, const char* name, const json& other = nullptr) { return field(m, name, other, Kind::number_integer); }
Text text(const json& m, const char* name, const json& other = nullptr) { return field(m, name, other, Kind::string); }

// --- SQLite: rows are JSON lists -----------------------------------------------------------------------------------
struct Db {
    sqlite3* db = nullptr;
    void bind(sqlite3_stmt* s, int n, Int value) { sqlite3_bind_int64(s, n, value); }
    void bind(sqlite3_stmt* s, int n, double value) { sqlite3_bind_double(s, n, value); }
    void bind(sqlite3_stmt* s, int n, const Text& v) { sqlite3_bind_text(s, n, v.data(), v.size(), SQLITE_TRANSIENT); }

    template <class... Values> std::vector<json> run(const char* sql, const Values&... values) {
        sqlite3_stmt* s = nullptr;
        int n = 0, status = sqlite3_prepare_v2(db, sql, -1, &s, nullptr);
        if (status == SQLITE_OK) (bind(s, ++n, values), ...);
        std::vector<json> rows;
        while (s && (status = sqlite3_step(s)) == SQLITE_ROW) {
            json& row = rows.emplace_back(json::array());
            for (int i = 0; i < sqlite3_column_count(s); ++i)
                if (sqlite3_column_type(s, i) == SQLITE_INTEGER) row.push_back(Int(sqlite3_column_int64(s, i)));
                else if (sqlite3_column_type(s, i) == SQLITE_FLOAT) row.push_back(sqlite3_column_double(s, i));
                else row.push_back(Text((const char*)sqlite3_column_text(s, i), sqlite3_column_bytes(s, i)));
        }
        sqlite3_finalize(s);
        if (status != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db));
        return rows;
    }
};

struct Verdict { Text stage, code, text; Int rev = 0; };
struct Backend : Db {
    const Text mode, live_address;
    const fs::path stations;
    Text epoch, public_key, secret_key, instance = random_text();
    std::map<Text, Text> authorised;           // public key -> station
    std::set<Text> refused;                    // routing ids that said HELLO in a foreign mode
    std::vector<std::pair<Text, Text>> fresh;  // (feed, JSON) that is written and not yet published
    zmq::context_t context;
    zmq::socket_t zap{context, ZMQ_REP}, ctl, live;
    Int beats = 0, canary = 0, canary_t = 0;
    Backend(const fs::path& data, const Text& ctl_at, const Text& live_at, const Text& mode_)
        : mode(mode_), live_address(live_at), stations(data / "stations") {
        fs::create_directories(stations);
        if (sqlite3_open((data / "backend.db").c_str(), &db)) throw std::runtime_error(sqlite3_errmsg(db));
        for (auto sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",  // `stored` is said after fsync
                         "CREATE TABLE IF NOT EXISTS meta(k PRIMARY KEY, v)",
                         "CREATE TABLE IF NOT EXISTS log(feed, seq, json, PRIMARY KEY(feed, seq)) WITHOUT ROWID",
                         "CREATE TABLE IF NOT EXISTS item(feed, id, seq, json, PRIMARY KEY(feed, id)) WITHOUT ROWID",
                         "CREATE TABLE IF NOT EXISTS action(aid PRIMARY KEY, said, stage, code, text, rev)",
                         "CREATE TABLE IF NOT EXISTS sample(t INTEGER PRIMARY KEY, v REAL)"}) run(sql);
        char pub[41] = "", sec[41] = "";  // stays empty in a libzmq without CURVE, and is refused below
        zmq_curve_keypair(pub, sec);
        for (auto& [k, v] : std::map<Text, Text>{{"epoch", random_text()}, {"public", pub}, {"secret", sec}})
            run("INSERT OR IGNORE INTO meta VALUES(?, ?)", k, v);  // a restart keeps epoch and keys
        epoch = meta("epoch"), public_key = meta("public"), secret_key = meta("secret");
        zap.bind("inproc://zeromq.zap.01");  // before the others, which ask it at every handshake
        ctl = secured(ZMQ_ROUTER);
        ctl.set(opt::router_mandatory, true), ctl.set(opt::router_handover, true), ctl.set(opt::sndhwm, 128);
        ctl.bind(ctl_at), bind_live();
        std::cout << "ready, public key " << public_key << std::endl;
    }
    void serve() {
        Int next_beat = 0, next_world = 0;
        while (!stopping) {
            zmq::pollitem_t ready[] = {{zap, 0, ZMQ_POLLIN, 0}, {ctl, 0, ZMQ_POLLIN, 0}};
            try { zmq::poll(ready, 2, std::chrono::milliseconds(20)); } catch (const zmq::error_t&) { continue; }
            if (ready[0].revents) answer_zap();
            Frames frames;  // requests for 20 ms at most: heartbeats come under load too
            for (Int until = monotonic_ms() + 20; monotonic_ms() < until; frames.clear()) {
                if (!zmq::recv_multipart(ctl, std::back_inserter(frames), zmq::recv_flags::dontwait)) break;
                try { one(frames); }
                catch (const Bad&) {}  // not of this protocol: no answer
                catch (const std::exception& error) { std::cerr << "error: " << error.what() << std::endl; }
            }
            if (monotonic_ms() >= next_world) next_world = monotonic_ms() + 1000, world();
            if (monotonic_ms() >= next_beat) next_beat = monotonic_ms() + 500, beat();
        }
    }

    // --- keys (§ 2) ------------------------------------------------------------------------------------------------
    zmq::socket_t secured(int kind) {
        zmq::socket_t s(context, kind);
        s.set(opt::curve_server, true), s.set(opt::curve_secretkey, secret_key), s.set(opt::zap_domain, "ioc");
        s.set(zmq::sockopt::integral_option<93, int, false>{}, 1);  // ZMQ_ZAP_ENFORCE_DOMAIN
        return s.set(opt::maxmsgsize, Int(FRAME)), s.set(opt::linger, 300), std::move(s);
    }
    void bind_live() {
        live = secured(ZMQ_PUB), live.set(opt::sndhwm, 10000);
        for (int tries = 100;; --tries, std::this_thread::sleep_for(std::chrono::milliseconds(20)))
            try { return live.bind(live_address); } catch (const zmq::error_t&) { if (!tries) throw; }  // still closing
    }
    void read_stations() {
        std::map<Text, Text> found;
        std::smatch match;
        for (auto& entry : fs::directory_iterator(stations)) {
            std::ifstream file(entry.path());
            const Text content((std::istreambuf_iterator<char>(file)), {});
            bool key = std::regex_search(content, match, std::regex("public-key = \"(.{40})\""));
            if (key && entry.path().extension() == ".key") found[match[1]] = entry.path().stem();
        }
        bool gone = std::any_of(authorised.begin(), authorised.end(), [&](auto& known) { return !found.count(known.first); });
        authorised = found;
        if (gone) live.close(), bind_live();  // only a new socket ends a session on LIVE
    }
    void answer_zap() {  // RFC 27: version, request, domain, address, identity, mechanism, key of 32 bytes
        Frames asked;
        (void)zmq::recv_multipart(zap, std::back_inserter(asked));
        char key[41] = "";
        read_stations();
        bool good = asked.size() == 7 && asked[2].to_string() == "ioc" && asked[5].to_string() == "CURVE" &&
                    zmq_z85_encode(key, asked[6].data<uint8_t>(), 32) && authorised.count(key);
        Text answer[] = {"1.0", asked.at(1).to_string(), good ? "200" : "400", good ? "OK" : "unknown key", good ? key : "", ""};
        for (Text& part : answer) zap.send(zmq::buffer(part), &part == answer + 5 ? zmq::send_flags::none : MORE);
    }

    // --- the log (§ 4): everything that is said stands here first ---------------------------------------------------
    json meta(const Text& k) { auto found = run("SELECT v FROM meta WHERE k=?", k); return found.empty() ? json(0) : found[0][0]; }
    Int head(const Text& f) { return f == "samples" ? meta(f) : run("SELECT IFNULL(MAX(seq), 0) FROM log WHERE feed=?", f)[0][0]; }
    bool known(const Text& feed) { return STATE.count(feed) || feed == "timeline" || feed == "samples"; }
    // One record; within a transaction, and published only after it. Of samples the number alone is kept.
    void append(const Text& feed, const Text& type, const Text& id, const json& body, const Text& cause = "") {
        Int seq = head(feed) + 1;
        json envelope = {{"mode", mode}, {"feed", feed}, {"epoch", epoch}, {"seq", seq}, {"t", now()}, {"type", type},
                         {"id", id}, {"rev", body.value("rev", 1)}, {"cause", cause}, {"body", body}};
        Text raw = envelope.dump();
        if (feed != "samples") run("INSERT INTO log VALUES(?, ?, ?)", feed, seq, raw);
        else run("INSERT OR REPLACE INTO meta VALUES('samples', ?)", seq);
        if (STATE.count(feed)) run("INSERT OR REPLACE INTO item VALUES(?, ?, ?, ?)", feed, id, seq, raw);
        fresh.emplace_back(feed, raw);
    }
    template <class Change> void transaction(Change change) {
        fresh.clear(), run("BEGIN IMMEDIATE");
        try { change(), run("COMMIT"); } catch (...) { run("ROLLBACK"); throw; }
        for (auto& [feed, raw] : fresh) publish("1/" + feed + "/", raw);
    }
    void publish(const Text& topic, const Text& raw) { live.send(zmq::buffer(topic), MORE), live.send(zmq::buffer(raw)); }
    json heads() {
        json all = {{"timeline", {{"epoch", epoch}, {"head", head("timeline")}}}};  // oldest is 1: nothing is deleted
        for (auto& feed : STATE) all[feed] = {{"epoch", epoch}, {"head", head(feed)}};
        all["samples"] = {{"epoch", epoch}, {"head", head("samples")}, {"oldest", head("samples") + 1}, {"period_s", 1.0}};
        return all;
    }

    // --- the city: yours goes here ---------------------------------------------------------------------------------
    double measure(Int t) {
        double value = 2.5 + 0.3 * std::sin(double(t / SECOND) / 60);
        return run("INSERT OR REPLACE INTO sample VALUES(?, ?)", t, value), value;
    }
    void world() try {
        read_stations();
        transaction([&] {
            Int t = now();
            if (head("sensors") == 0) {  // a new log: the past, with a minute of silence
                append("sensors", "put", "river", R"({"id":"river","name":{"vi":"Mực nước"},"unit":"m","period_s":1})"_json);
                for (Int ago = 600; ago > 0; --ago) if (ago < 300 || ago > 360) measure(t - ago * SECOND);
            }
            for (auto& [key, name] : authorised) {  // one person sits at each station
                Text person = "op-" + name;
                if (run("SELECT 1 FROM item WHERE feed='roster' AND id=?", person).empty())
                    append("roster", "put", person, {{"id", person}, {"name", name}, {"short", name}, {"role", "operator"}});
            }
            append("samples", "event", "", {{"samples", {{"river", t, measure(t), "good"}}}});
            if (run("SELECT 1 FROM item WHERE feed='alarms' AND json LIKE '%\"state\":\"unack\"%'").size() < 2) {
                Text id = "flood@" + std::to_string(t);
                append("alarms", "put", id, {{"id", id}, {"priority", "high"}, {"state", "unack"}, {"t_raised_ns", t},
                                             {"name", {{"vi", "Nước dâng"}}}, {"rev", 1}, {"state_rev", 1}});
                append("timeline", "event", id, {{"id", id}, {"t_ns", t}, {"what", "alarm_raised"}, {"target", id}});
            }
        });
        canary++, canary_t = now();  // it stands still when alarms cannot be written
    } catch (const std::exception& error) { std::cerr << "the log does not write: " << error.what() << std::endl; }
    void beat() {
        publish("1/hb/", json{{"n", ++beats}, {"now", now()}, {"instance", instance}, {"mode", mode}, {"heads", heads()},
                              {"canary", {{"seq", canary}, {"t", canary_t}}}}.dump());
    }

    // --- requests (§ 5 and 6) --------------------------------------------------------------------------------------
    void send_raw(const Text& peer, const Text& raw) try {  // who is gone or reads nothing loses its answer, and asks again
        if (ctl.send(zmq::buffer(peer), MORE | zmq::send_flags::dontwait))
            ctl.send(zmq::str_buffer("1"), MORE), ctl.send(zmq::buffer(raw));
    } catch (const zmq::error_t&) {}
    void send(const Text& peer, const json& message) { send_raw(peer, message.dump()); }
    void deny(const Text& peer, const char* code) { send(peer, {{"msg", "DENIED"}, {"code", code}}); }
    void one(Frames& frames) {
        Text peer = frames[0].to_string();
        const char* key = zmq_msg_gets(frames.back().handle(), "User-Id");  // ZAP has put it there: nobody can forge it
        auto station = authorised.find(key ? key : "");
        if (station == authorised.end()) return deny(peer, "key");
        if (frames.size() > 1 && frames[1].to_string() != "1") return deny(peer, "version");
        if (frames.size() != 3) throw Bad();
        json m = read_json(frames[2].to_string());
        Text msg = text(m, "msg");
        if (msg == "HELLO") hello(peer, station->second, m);
        else if (refused.count(peer)) deny(peer, "mode");
        else if (msg == "FETCH") fetch(peer, m);
        else if (msg == "SNAPGET") snapshot(peer, text(m, "feed"));
        else if (msg == "HISTORY") history(peer, m);
        else if (msg == "ACT") act(peer, station->second, m);
        else if (msg == "SIGNIN") send(peer, {{"msg", "SIGNED"}, {"request", whole(m, "request")}, {"code", "not_here"}});
        else if (msg == "PING") send(peer, {{"msg", "PONG"}, {"n", whole(m, "n")}, {"sent", whole(m, "sent")}, {"now", now()}});
    }
    void hello(const Text& peer, const Text& station, const json& m) {  // the `station` in it is not believed
        Text theirs = text(m, "mode");
        json can = m.value("versions", json{1}), enc = m.value("enc", json{"json"});
        if (!MODES.count(theirs)) throw Bad();
        if (theirs != mode) return refused.insert(peer), deny(peer, "mode");
        refused.erase(peer);
        if (!std::count(can.begin(), can.end(), 1) || !std::count(enc.begin(), enc.end(), "json")) return deny(peer, "version");
        send(peer, {{"msg", "WELCOME"}, {"server", "example"}, {"instance", instance}, {"mode", mode}, {"version", 1},
                    {"now", now()}, {"hb_ms", 500}, {"feeds", heads()}, {"station", station}, {"operator_id", "op-" + station},
                    {"name", station}, {"role", "operator"}, {"grants", {"acknowledge", "claim", "comment"}}});
    }
    void fetch(const Text& peer, const json& m) {
        Text feed = text(m, "feed"), theirs = text(m, "epoch");
        Int end = head(feed), after = whole(m, "after"), limit = std::clamp<Int>(whole(m, "limit", 1000), 1, 1000);
        if (!known(feed)) return deny(peer, "unknown_feed");
        Text why = feed == "samples" ? "lossy" : theirs != epoch ? "epoch" : after > end ? "ahead" : after < 0 ? "too_old" : "";
        if (why != "") return send(peer, {{"msg", "RESET"}, {"feed", feed}, {"epoch", epoch}, {"oldest", 1}, {"reason", why}});
        auto rows = run("SELECT json FROM log WHERE feed=? AND seq>? ORDER BY seq LIMIT ?", feed, after, limit);
        send_items(peer, {{"msg", "BATCH"}, {"feed", feed}, {"epoch", epoch}, {"head", end}}, parts(rows)[0]);
    }
    void snapshot(const Text& peer, const Text& feed) {
        if (!known(feed)) return deny(peer, "unknown_feed");
        auto all = parts(run(STATE.count(feed) ? "SELECT json FROM item WHERE feed=? ORDER BY seq"
            : "SELECT json FROM (SELECT * FROM log WHERE feed=? ORDER BY seq DESC LIMIT 2000) ORDER BY seq", feed));
        for (size_t n = 0; n < all.size(); ++n)
            send_items(peer, {{"msg", "SNAP"}, {"feed", feed}, {"epoch", epoch}, {"as_of", head(feed)}, {"part", n + 1},
                              {"parts", all.size()}}, all[n]);
    }
    std::vector<Text> parts(const std::vector<json>& rows) {  // envelopes with commas between, each part below PART
        std::vector<Text> all(1);
        for (auto& row : rows) {
            if (all.back() != "" && all.back().size() + row[0].get_ref<const Text&>().size() > PART) all.emplace_back();
            all.back() += (all.back() == "" ? "" : ",") + row[0].get_ref<const Text&>();
        }
        return all;
    }
    void send_items(const Text& peer, const json& message, const Text& items) {
        Text raw = message.dump();
        send_raw(peer, raw.substr(0, raw.size() - 1) + ",\"items\":[" + items + "]}");
    }
    void history(const Text& peer, const json& m) {
        Int most = std::clamp<Int>(whole(m, "max_points", 2000), 5, 10000), before = INT64_MAX;
        std::vector<std::pair<Int, double>> points;  // NaN is a gap; it becomes null
        for (auto& row : run("SELECT t, v FROM sample WHERE t BETWEEN ? AND ? ORDER BY t", whole(m, "t0"), whole(m, "t1"))) {
            Int t = row[0];
            if (t > before && t - before > 3 * SECOND) points.emplace_back(before + SECOND, NAN);  // silence stays open
            points.emplace_back(before = t, row[1]);
        }
        json answer = {{"msg", "SERIES"}, {"request", whole(m, "request")}, {"series", text(m, "series")},
                       {"t", json::array()}, {"value", json::array()}};
        if (answer["series"] != "river") points.clear(), answer["code"] = "unknown_series";
        std::set<size_t> keep;  // first, last, and of each bucket the lowest, the highest and the gaps
        std::map<size_t, size_t> low, high;
        size_t n = points.size(), buckets = n <= size_t(most) ? n : size_t(most - 2) / 3;
        for (size_t i = 0; i < n; ++i) {
            size_t b = i * buckets / n;
            if (std::isnan(points[i].second)) { keep.insert(i); continue; }
            if (points[i].second <= points[low.try_emplace(b, i).first->second].second) low[b] = i;
            if (points[i].second >= points[high.try_emplace(b, i).first->second].second) high[b] = i;
        }
        for (auto* ends : {&low, &high}) for (auto& [b, i] : *ends) keep.insert(i);
        if (n) keep.insert({0, n - 1});
        for (size_t i : keep) answer["t"].push_back(points[i].first), answer["value"].push_back(points[i].second);
        send(peer, answer);
    }

    // --- actions (§ 7): decided once, in one transaction with their effect -------------------------------------------
    void act(const Text& peer, const Text& station, const json& m) {
        const json a = field(m, "action", nullptr, Kind::object);
        const json args = field(a, "args", json::object(), Kind::object);
        Text aid = text(a, "aid"), said = station + a.dump(), theirs = text(m, "mode"), verb = text(a, "verb");
        text(a, "feed"), text(a, "target"), whole(a, "expect_state_rev"), whole(a, "made_at_ns"), whole(a, "expires_at_ns", 0);
        for (auto& value : args) if (!value.is_string()) throw Bad();
        if (!MODES.count(theirs) || !std::regex_match(verb, VERBS)) throw Bad();
        auto ack = [&](const Verdict& v, const Text& outcome = "") {
            send(peer, {{"msg", "ACK"}, {"aid", aid}, {"stage", v.stage}, {"code", v.code}, {"text", v.text}, {"rev", v.rev},
                        {"outcome", outcome}});
        };
        if (theirs != mode) return ack({"refused", "mode", "this backend is " + mode});
        if (!std::regex_match(aid, std::regex("[0-9A-Za-z_.:-]{1,64}"))) return ack({"refused", "bad_aid", ""});
        auto before = run("SELECT said, stage, code, text, rev FROM action WHERE aid=?", aid);
        if (!before.empty() && before[0][0] != said) return ack({"refused", "aid_reused", ""});
        if (!before.empty()) return ack({"duplicate", before[0][2], before[0][3], before[0][4]}, before[0][1]);
        Verdict v;
        const char* keep = "INSERT INTO action VALUES(?, ?, ?, ?, ?, ?)";
        transaction([&] { v = decide(station, a, args), run(keep, aid, said, v.stage, v.code, v.text, v.rev); });
        ack({"stored", "", ""}), ack(v);
    }
    Verdict decide(const Text& station, const json& a, const json& args) {
        Text verb = text(a, "verb"), feed = text(a, "feed"), target = text(a, "target"), aid = text(a, "aid");
        Int expires = whole(a, "expires_at_ns", 0), expect = whole(a, "expect_state_rev"), t = now();
        if (expires && t > expires) return {"expired", "expired", ""};
        json event = {{"id", aid}, {"t_ns", t}, {"what", verb}, {"target", target}, {"actor", "op-" + station}};
        if (verb == "comment") {
            Text words = text(args, "text", "");
            auto length = std::count_if(words.begin(), words.end(), [](char c) { return (c & 0xC0) != 0x80; });
            bool fits = std::regex_match(feed, std::regex("alarms|incidents|reports|cameras")) && target != "";
            if (!fits || target.size() > 200) return {"refused", "unsupported", "comment on " + feed};
            if (words.find_first_not_of(" \t\r\n") == Text::npos || length > 2000) return {"refused", "bad_text", ""};
            event["text"] = {{"vi", words}};
            return append("timeline", "event", aid, event, aid), Verdict{"applied", "", ""};
        }
        bool ours = feed == "alarms" && (verb == "acknowledge" || verb == "claim");
        if (!ours) return {"refused", "unsupported", verb + " on " + feed};
        auto rows = run("SELECT json FROM item WHERE feed='alarms' AND id=?", target);
        if (rows.empty()) return {"conflict", "gone", ""};
        json alarm = json::parse(rows[0][0].get<Text>())["body"];
        Int rev = alarm["rev"], state_rev = alarm["state_rev"];
        Text holder = alarm.value("holder", ""), acked_by = alarm.value("acked_by", "");
        if (verb == "claim" && holder != "") return {"conflict", "already_claimed", holder, rev};
        if (verb == "acknowledge" && acked_by != "") return {"conflict", "already_acknowledged", acked_by, rev};
        if (expect && expect != state_rev) return {"conflict", "changed", acked_by, rev};
        if (acked_by == "") alarm["acked_by"] = station, alarm["t_acked_ns"] = t;
        if (verb == "claim") alarm["holder"] = station, alarm["holder_id"] = "op-" + station;
        alarm["state"] = "acked", alarm["rev"] = rev + 1, alarm["state_rev"] = state_rev + 1;
        append("alarms", "put", target, alarm, aid);
        event["what"] = verb == "claim" ? "alarm_claimed" : "alarm_acknowledged", event["text"] = alarm["name"];
        return append("timeline", "event", aid, event, aid), Verdict{"applied", "", "", rev + 1};
    }
};

int main(int argc, char** argv) try {
    if (argc < 4 || (argc > 4 && !MODES.count(argv[4]))) throw std::runtime_error("DATA_FOLDER CTL_ADDRESS LIVE_ADDRESS [MODE]");
    for (int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { stopping = 1; });
    Backend(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "demo").serve();
} catch (const std::exception& error) {
    return std::cerr << "the backend cannot run: " << error.what() << std::endl, 1;
}
