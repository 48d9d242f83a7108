package local

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// register takes an extension in. One that has the name of a file in
// /opt/extensions is that external one; every other is an internal one.
func (g *generation) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(agentNameHeader)
	if name == "" {
		forbid(w, "InvalidExtensionName", "Empty extension name")
		return
	}
	events, err := registration(r.Body)
	if err != nil {
		reply(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.agentNamed(name)
	known := a != nil && a.external
	managed := g.function.InitType == ManagedInstances
	if managed && !known && len(events) > 0 {
		forbid(w, "InvalidEventType", "No events allowed for internal extensions")
		return
	}
	for _, event := range events {
		switch {
		case event == shutdownEvent && !known:
			forbid(w, "InvalidEventType", "%s: ShutdownEventNotSupportedForInternalExtension", event)
			return
		case event != shutdownEvent && (event != invokeEvent || managed):
			forbid(w, "InvalidEventType", "%s: ErrorInvalidEventType", event)
			return
		}
	}
	switch {
	case known:
	case g.sealed:
		forbid(w, "RegistrationClosed", "Extension registration closed already")
		return
	case len(g.agents) >= maxAgents:
		forbid(w, "TooManyExtensions", "Extension limit (%d) reached", maxAgents)
		return
	case a != nil:
		forbid(w, "InvalidExtensionState", "Extension with this name already registered")
		return
	default:
		a = newAgent(name, false)
		a.began = time.Now()
		g.agents = append(g.agents, a)
	}
	if !a.move(registered) {
		forbidMove(w, a, registered, a.name, notAllowedMove)
		return
	}
	for _, event := range events {
		a.events[event] = true
	}
	g.note()
	g.welcome(w, a, r.Header.Get(agentFeatureHeader))
}

// registration returns the events that the body of a register request asks for.
func registration(body io.Reader) ([]string, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxPayload))
	if err != nil {
		return nil, err
	}
	var request struct {
		Events            []string `json:"events"`
		ConfigurationKeys []string `json:"configurationKeys"`
	}
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	if len(request.ConfigurationKeys) > 0 {
		return nil, errors.New("configurationKeys are deprecated; use environment variables instead")
	}
	return request.Events, nil
}

// welcome answers a registration. Features is a list with commas.
func (g *generation) welcome(w http.ResponseWriter, a *agent, features string) {
	answer := struct {
		Account string `json:"accountId,omitempty"`
		Name    string `json:"functionName"`
		Version string `json:"functionVersion"`
		Handler string `json:"handler"`
	}{"", g.function.Name, functionVersion, g.function.Handler}
	for feature := range strings.SplitSeq(features, ",") {
		if strings.TrimSpace(feature) == "accountId" {
			answer.Account = account
		}
	}
	w.Header().Set(agentIDHeader, a.id)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
