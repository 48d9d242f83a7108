package invokeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// A fault is an error in the form of AWS's REST-JSON protocol.
type fault struct {
	status  int
	kind    string // the exception
	message string
	reason  string // of throttling
}

func (f fault) Error() string { return f.kind + ": " + f.message }

func invalid(format string, args ...any) fault {
	return fault{400, "InvalidParameterValueException", "unknown " + fmt.Sprintf(format, args...), ""}
}

// write answers with err, which is a fault.
func write(w http.ResponseWriter, err error) {
	f, ok := err.(fault)
	if !ok {
		f = fault{500, "ServiceException", err.Error(), ""}
	}
	blame := "User"
	if f.status >= 500 {
		blame = "Service"
	}
	body, err := json.Marshal(struct {
		Reason  string `json:"Reason,omitempty"`
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{f.reason, blame, f.message})
	if err != nil {
		panic(err) // three strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", f.kind)
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}
