package expr

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the zones' rules, for machines that have none
)

// shortZones are the three-letter ids that Java maps to regions or offsets (ZoneId.SHORT_IDS).
var shortZones = map[string]string{"ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires", "ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka", "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
	"EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan", "NST": "Pacific/Auckland", "PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico", "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
	"EST": "-05:00", "MST": "-07:00", "HST": "-10:00"}

var zoneCache sync.Map // id → *time.Location; nil: there is none

func zoneByName(id string) *time.Location {
	if l, ok := zoneCache.Load(id); ok {
		return l.(*time.Location)
	}
	var loc *time.Location
	// Ids are looked up in a directory, so that nothing but letters, digits and a few signs may be in one.
	if id != "" && id != "Local" && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == "" && len(id) < 64 {
		loc, _ = time.LoadLocation(id)
	}
	if loc != nil {
		zoneCache.Store(id, loc)
	}
	return loc
}

// regionOffset is the offset in seconds of a region at a local time: in a gap that of before, so that the time moves on by
// the gap's length, and in an overlap the earlier one of the two, as Java's ZonedDateTime.of has it.
func regionOffset(loc *time.Location, local int64) int64 {
	at := func(t int64) int64 {
		_, off := time.Unix(t, 0).In(loc).Zone()
		return int64(off)
	}
	before, after := at(local-86400), at(local+86400)
	if at(local-before) != before && at(local-after) == after {
		return after
	}
	return before
}
