package e2e

import (
	"strings"
	"testing"
)

// finnish are the texts of a registration, a suspension and its end.
var finnish = [...]string{"Mobiilivarmenne: rekisteröinti on valmis.", "Mobiilivarmenne: palvelusi on keskeytetty.", "Mobiilivarmenne: palvelusi on taas käytössä."}

// wantTold wants each text to come to a phone once.
func (u *user) wantTold(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		u.message(t, text)
		if n := u.told(text); n != 1 {
			t.Errorf("%s was told %d times: %q", u.name, n, text)
		}
	}
}

// A device is registered, suspended and re-activated: its card is asked, and each text comes to
// the phone of its owner, once, in his language and with the name of the device, and none to
// the device. An owner who is the device, a device, or nobody here is refused; where he is
// erased, nobody is told any more, and where it is the device, nothing is left of the mark.
//
// Covers: W-7 via simsign user device
// Covers: W-7 via POST /int3c/user_device
// Covers: W-7 via simsign user show
func TestDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	d := newDesk(t, w)
	var all []*user
	for i := range 4 {
		all = append(all, newUser(i))
	}
	device, owner, other, stranger := all[0], all[1], all[2], all[3]
	w.join(t, device, other, stranger)
	w.write(t, "owner.csv", cardHeader+owner.row())
	must(t, w.dir, "card", "import", "owner.csv")
	must(t, w.dir, "user", "add", "--msisdn", owner.number.String(), "--iccid", string(owner.iccid), "--name", owner.name, "--language", "fi")
	owner.switchOn(t, w.networkAddr)
	w.users = append(w.users, owner)
	for i, u := range all {
		must(t, w.dir, "issuer", "assign", []string{"north", "north", "north", "south"}[i], string(u.iccid))
	}
	db := w.database(t)
	c := w.serve(t)
	w.about(t, device, 1, "owner: is the device itself", "user", "device", "--owner", device.number.String())
	w.about(t, device, 1, "the owner is no user here", "user", "device", "--owner", "+41799999999")
	w.about(t, device, 1, "a device has an owner", "user", "device")
	w.about(t, device, 1, "email: must be an address", "user", "device", "--email", "nobody")
	w.about(t, device, 1, "a person has none", "user", "device", "--person", "--email", "anna@example.com")
	mark := func(of, by *user) map[string]any {
		return map[string]any{"msisdn": of.number.String(), "owner": by.number.String()}
	}
	d.wants(t, "of another issuer", d.ask(t, "crm", "/int3c/user_device", mark(device, stranger)), 200, "refused", "no-such-user")
	d.wants(t, "customer care", d.ask(t, "care", "/int3c/user_device", mark(device, owner)), 403, "refused", "role")
	if show := must(t, w.dir, "user", "show", "--msisdn", device.number.String()); strings.Contains(show, "device ") {
		t.Errorf("after refusals:\n%s", show)
	}
	w.about(t, device, 0, "of "+owner.number.String(), "user", "device", "--owner", owner.number.String(), "--email", "anna@example.com")
	w.about(t, device, 0, "owner's mail  anna@example.com", "user", "show")
	w.about(t, other, 1, "the owner is a device itself", "user", "device", "--owner", device.number.String())
	w.about(t, owner, 1, "the device is the owner of another one", "user", "device", "--owner", other.number.String())

	w.about(t, device, 0, "slot 1", "user", "register", "--algorithm", device.alg.String())
	if !device.has("Choose a personal code") || owner.seen() != "" {
		t.Errorf("the device was asked %q, its owner %q", device.seen(), owner.seen())
	}
	w.asks(t, device, 0, verified, "--text", "Pay?")
	for _, step := range []string{"suspend", "reactivate"} {
		w.about(t, device, 0, "", "user", step)
		w.idle(t, device)
	}
	named := device.name + ", " + device.number.String() + ": "
	owner.wantTold(t, named+finnish[0], named+finnish[1], named+finnish[2])
	w.drained(t)
	if n := len(device.set.Snapshot().Inbox); n != 0 {
		t.Errorf("the device has got %d texts", n)
	}

	a := d.ask(t, "crm", "/int3c/user_device", mark(device, other))
	d.wants(t, "another owner", a, 200, "ok", "")
	if m, _ := a.Data["device"].(map[string]any); m["owner"] != other.number.String() || m["email"] != nil {
		t.Errorf("%+v", a)
	}
	w.about(t, device, 0, "", "user", "suspend")
	other.wantTold(t, named, "is suspended")
	must(t, w.dir, "user", "erase", other.number.String(), "--confirm", other.number.String())
	w.about(t, device, 0, "nobody gets its notices", "user", "show")
	w.about(t, device, 0, "", "user", "reactivate")
	w.idle(t, device)
	d.wants(t, "a person", d.ask(t, "crm", "/int3c/user_device", map[string]any{"msisdn": device.number.String(), "kind": "person"}), 200, "ok", "")
	w.about(t, device, 0, "", "user", "device", "--owner", owner.number.String())
	w.drained(t)
	must(t, w.dir, "user", "erase", device.number.String(), "--confirm", device.number.String())
	var left int
	if err := db.QueryRow("SELECT COUNT(*) FROM device").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d marks are left, %v", left, err)
	}
	if n := len(device.set.Snapshot().Inbox); n != 0 || owner.told(finnish[2]) != 1 {
		t.Errorf("the device has %d texts, its former owner was told %d times", n, owner.told(finnish[2]))
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}
