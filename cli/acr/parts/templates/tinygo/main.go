// {"name": "..."} -> {"greeting": "Hello, ...!"}
package main

import (
	"encoding/json"
	"io"
	"os"
)

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type answer struct {
	Success bool              `json:"success"`
	Data    map[string]string `json:"data,omitempty"`
	Error   *problem          `json:"error,omitempty"`
}

func greet(raw []byte) answer {
	var input struct {
		Name *string `json:"name"`
	}
	if err := json.Unmarshal(raw, &input); err != nil || input.Name == nil {
		return answer{Error: &problem{"INVALID_INPUT", "`name` must be a string."}}
	}
	return answer{Success: true, Data: map[string]string{"greeting": "Hello, " + *input.Name + "!"}}
}

func main() {
	raw, _ := io.ReadAll(os.Stdin)
	json.NewEncoder(os.Stdout).Encode(greet(raw))
}
