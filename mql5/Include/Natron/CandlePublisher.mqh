// Candles of the chart to the bridge: it says which one it has last (R1), and gets what comes after, oldest first.
#include "CandleBytes.mqh"
#include "ServerZone.mqh"
#include "SignalReader.mqh"

#define PUBLISHER_CANDLES  256
#define PUBLISHER_AGAIN_MS 10000
#define PUBLISHER_ASK_MS   30000
#define PUBLISHER_WAIT_MS  60000 // the longest, whatever a busy bridge says

class CCandlePublisher
  {
private:
   bool              m_known;      // the bridge said where it is
   long              m_held_ms;    // the newest candle that it has
   bool              m_waiting;    // for the answer to a push
   ulong             m_due;
   int               m_connections;
   datetime          m_seen;       // the newest closed candle at the last look
   string            m_state;
   string            m_refused;    // what the bridge said of candles that it did not take
   ulong             m_paused;     // the bridge is busy until then

   bool              Wanted(void) const { return(m_held_ms!=LINE_MS_MAX); }
   void              AskWhere(CSignalReader &reader,const SNatronSettings &s,const ulong now)
     {
      reader.Send("Q1|"+s.client+"|"+s.symbol+"|"+IntegerToString(reader.StampMs())+"|"+IntegerToString(s.tf_s));
      m_due=now+PUBLISHER_ASK_MS;
     }
   void              Push(CSignalReader &reader,const SNatronSettings &s,const ulong now)
     {
      MqlRates rates[];
      CByteBuffer bulk;
      int had=CopyRates(_Symbol,PERIOD_CURRENT,1,s.history_candles,rates);
      int count=0;
      long last_ms=m_held_ms;
      for(int at=0; at<had && count<PUBLISHER_CANDLES; at++)
        {
         long utc_s=CServerZone::Utc(rates[at].time,s);
         if(1000*utc_s<=last_ms)
            continue;
         CCandleBytes::Add(bulk,rates[at],utc_s);
         last_ms=1000*utc_s;
         count++;
        }
      m_state=count>0 ? "pushing" : "up to date";
      m_seen=had>0 ? rates[had-1].time : m_seen;
      if(count==0)
         return;
      string body="C1|"+s.client+"|"+s.symbol+"|"+IntegerToString(reader.StampMs())+"|"+IntegerToString(s.tf_s)+"|"+IntegerToString(count)+"|"
                  +IntegerToString(last_ms)+"|"+CHmac::Digest(bulk);
      m_waiting=reader.SendBulk(body,bulk);
      m_due=now+PUBLISHER_AGAIN_MS;
     }

public:
                     CCandlePublisher(void) { Reset(); }
   void              Reset(void)
     {
      m_known=false;
      m_held_ms=0;
      m_waiting=false;
      m_due=0;
      m_connections=0;
      m_seen=0;
      m_state="not asked for by the bridge";
      m_refused="";
      m_paused=0;
     }
   string            State(void) const { return(m_state+m_refused); }
   //--- whether the bridge takes what EAs send: it has answered a Q1
   bool              BridgeTakes(void) const { return(m_known); }
   void              TakeReply(const SLine &line,const SNatronSettings &s)
     {
      if(line.kind!="R1" || line.symbol!=s.symbol || line.tf_s!=s.tf_s)
         return;
      m_known=true;
      m_waiting=false;
      m_held_ms=line.candle_ms;
      if(!Wanted())
         m_state="this symbol is not on the client's list";
      m_seen=0;
      m_paused=line.wait_ms>0 ? GetTickCount64()+(ulong)MathMin(line.wait_ms,PUBLISHER_WAIT_MS) : 0;
      if(line.wait_ms>0)
         m_state="the bridge is busy";
      if(line.refused>0 && Wanted())
         m_refused=", refused "+IntegerToString(line.refused)+": "+line.refusals;
     }
   void              Poll(CSignalReader &reader,const SNatronSettings &s)
     {
      ulong now=GetTickCount64();
      if(!reader.CanSend())
         return;
      if(reader.RequestConnections()!=m_connections)
        {
         m_connections=reader.RequestConnections();
         m_known=false;
         m_waiting=false;
         m_due=0;
        }
      bool listed=Wanted() || !s.push_candles; // the list may be made longer any time
      if(!m_known || !listed || (m_waiting && now>=m_due))
        {
         if(now>=m_due)
            AskWhere(reader,s,now);
         return;
        }
      if(m_waiting || now<m_paused || !s.push_candles || iTime(_Symbol,PERIOD_CURRENT,1)==m_seen)
         return;
      if(!CServerZone::Fits(s))
        {
         m_state="not pushed: ServerZone does not fit the broker's time";
         return;
        }
      Push(reader,s,now);
     }
  };
