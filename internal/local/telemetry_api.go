package local

import (
	"errors"
	"fmt"
	"net/http"
)

const (
	telemetryVersion = "/2022-07-01"
	logsVersion      = "/2020-08-15"
	// maxSubscription bounds the body of a request to subscribe.
	maxSubscription = 64 << 10
)

// subscribeTelemetry subscribes an extension to the Telemetry API.
func (g *generation) subscribeTelemetry(w http.ResponseWriter, r *http.Request) {
	g.subscribe(w, r, telemetryAPI, "ValidationError")
}

// subscribeLogs is the same for the Logs API, which Managed Instances lack.
func (g *generation) subscribeLogs(w http.ResponseWriter, r *http.Request) {
	if g.function.InitType == ManagedInstances {
		http.NotFound(w, r)
		return
	}
	g.subscribe(w, r, logsAPI, "Logs.ValidationError")
}

func (g *generation) subscribe(w http.ResponseWriter, r *http.Request, to api, invalid string) {
	id, ok := identifier(w, r)
	if !ok {
		return
	}
	g.mu.Lock()
	a := g.agentByID(id)
	g.mu.Unlock()
	if a == nil {
		forbid(w, "UnknownExtensionIdentifier", "Unknown extension %s", id)
		return
	}
	body, err := readBody(r.Body, maxSubscription)
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("request: more than %d bytes", maxSubscription)
	}
	var wanted subscription
	if err == nil {
		wanted, err = parseSubscription(body, to, g.function.InitType)
	}
	if err != nil {
		reply(w, http.StatusBadRequest, invalid, err.Error())
		return
	}
	switch err := g.telemetry.subscribe(a.name, wanted); {
	case errors.Is(err, errClosed):
		reply(w, http.StatusForbidden, string(to)+".SubscriptionClosed", string(to)+" API subscription is closed")
		return
	case errors.Is(err, errOtherAPI):
		reply(w, http.StatusBadRequest, invalid, "an extension can use the Telemetry API or the Logs API, not both")
		return
	case errors.Is(err, errDuplicate) && g.function.InitType == ManagedInstances:
		// So does AWS's emulator. Elsewhere the documentation's word counts:
		// to ask again changes nothing.
		reply(w, http.StatusInternalServerError, "InternalServerError", "Internal Server Error")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`"OK"`))
}
