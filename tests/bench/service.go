// service.go: the home feed as a service in Go would be written: net/http, pgxpool, encoding/json.
// The statement and the answer are those of the server, to which it is compared.
//
//	service STATEMENT-FILE CONNECTION-URL
//
// Listens on 127.0.0.1 and writes its port to stdout.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4/pgxpool"
)

const timeFormat = "2006-01-02T15:04:05.000000-07:00"

type moment time.Time

func (m moment) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(m).Format(`"` + timeFormat + `"`)), nil
}

type activity struct {
	UUID         string  `json:"uuid"`
	DisplayName  *string `json:"display_name"`
	Handle       *string `json:"handle"`
	Message      string  `json:"message"`
	RepliesCount *int32  `json:"replies_count"`
	RepostsCount *int32  `json:"reposts_count"`
	LikesCount   *int32  `json:"likes_count"`
	ReplyTo      *string `json:"reply_to_activity_uuid"`
	ExpiresAt    *moment `json:"expires_at"`
	CreatedAt    moment  `json:"created_at"`
}

func momentOf(at *time.Time) *moment {
	if at == nil {
		return nil
	}
	m := moment(*at)
	return &m
}

func readHome(ctx context.Context, pool *pgxpool.Pool, statement string, limit int) ([]activity, error) {
	newest := pgtype.Timestamp{Status: pgtype.Present, InfinityModifier: pgtype.Infinity}
	rows, err := pool.Query(ctx, statement, newest, "ffffffff-ffff-ffff-ffff-ffffffffffff", limit+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	feed := make([]activity, 0, limit+1)
	for rows.Next() {
		var a activity
		var expires *time.Time
		var created time.Time
		if err := rows.Scan(&a.UUID, &a.DisplayName, &a.Handle, &a.Message, &a.RepliesCount,
			&a.RepostsCount, &a.LikesCount, &a.ReplyTo, &expires, &created); err != nil {
			return nil, err
		}
		a.ExpiresAt, a.CreatedAt = momentOf(expires), moment(created)
		feed = append(feed, a)
	}
	if len(feed) > limit {
		feed = feed[:limit]
	}
	return feed, rows.Err()
}

func main() {
	statement, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	pool, err := pgxpool.Connect(context.Background(), os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/api/activities/home", func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
		if err != nil || limit < 1 || limit > 100 {
			limit = 50
		}
		feed, err := readHome(r.Context(), pool, string(statement), limit)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(feed)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
