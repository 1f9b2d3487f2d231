// Lines of docs/wire-protocol.md: signature first, then every field, strictly.
#include "Fields.mqh"
#include "Hmac.mqh"
#include "Line.mqh"
#include "NameCode.mqh"
#include "Timeframe.mqh"

#define LINE_BYTES_MAX   1023
#define LINE_PPM         1000000
#define LINE_MS_MAX      99999999999999
#define LINE_US_MAX      99999999999999999
#define LINE_SEQ_MAX     9999999999
#define LINE_CANDLES_MAX 256

class CLineCodec
  {
private:
   CHmac             m_bridge;
   CHmac             m_client;
   CFields           m_fields;
   string            m_fault;

   bool              Refuse(const string field)
     {
      m_fault=field;
      return(false);
     }
   //--- the text before the signature, if that is right
   bool              Verify(const uchar &raw[],const int size,const CHmac &key,string &text)
     {
      int bar=size-HMAC_DIGITS-1;
      if(size>LINE_BYTES_MAX)
         return(Refuse("line"));
      if(bar<0 || raw[bar]!='|')
         return(Refuse("hmac"));
      if(!CHmac::Same(key.Sign(raw,0,bar),raw,bar+1,HMAC_DIGITS))
         return(Refuse("hmac"));
      for(int at=0; at<bar; at++)
         if(raw[at]<32 || raw[at]>126)
            return(Refuse("line"));
      text=CharArrayToString(raw,0,bar);
      return(true);
     }
   //--- MQL5 leaves the fields of a struct as memory was
   static void       Blank(SLine &line)
     {
      line.id="";
      line.client="";
      line.seq=0;
      line.sent_ms=0;
      line.tf_s=0;
      line.candle_ms=0;
      line.expires_ms=0;
      line.reasons=0;
      line.count=0;
      line.wait_ms=0;
      line.refused=0;
      line.refusals="";
      line.in_sample=false;
      line.has_outlook=false;
      line.has_policy=false;
     }
   void              ReadHead(SLine &line)
     {
      line.session=m_fields.Hex("session",16,true);
      line.seq=m_fields.Number("seq",0,LINE_SEQ_MAX);
      line.sent_ms=m_fields.Number("sent_ms",0,LINE_MS_MAX);
     }
   void              ReadSymbol(SLine &line,const bool all_allowed)
     {
      line.symbol=m_fields.Text("symbol");
      if(!(all_allowed && line.symbol=="*") && !CNameCode::IsEncoded(line.symbol,false))
         m_fields.Complain("symbol");
     }
   long              Share(const string name) { return(m_fields.Number(name,0,LINE_PPM)); }
   void              ReadHeads(SLine &line)
     {
      line.buy=Share("buy");
      line.sell=Share("sell");
      line.down=Share("down");
      line.up=Share("up");
      line.neutral=Share("neutral");
      line.regime[0]=Share("BULL_STRONG");
      line.regime[1]=Share("BULL_WEAK");
      line.regime[2]=Share("RANGE");
      line.regime[3]=Share("BEAR_WEAK");
      line.regime[4]=Share("BEAR_STRONG");
      line.regime[5]=Share("VOLATILE");
      line.has_outlook=!m_fields.Absent(3);
      if(line.has_outlook)
        {
         line.long_win=Share("long_win");
         line.short_win=Share("short_win");
         line.high_volatility=Share("high_volatility");
        }
      line.has_policy=!m_fields.Absent(2);
      if(line.has_policy)
        {
         line.action=m_fields.Number("action",-1,1);
         line.size=Share("size");
        }
     }
   void              ReadSignal(SLine &line)
     {
      line.id=m_fields.Text("id");
      string symbol=m_fields.Text("symbol");
      line.tf_s=m_fields.Number("tf_s",1,10000000);
      line.candle_ms=m_fields.Number("candle_ms",1,LINE_MS_MAX);
      line.expires_ms=m_fields.Number("expires_ms",0,LONG_MAX);
      line.symbol=symbol;
      if(m_fields.Fault()=="" && CTimeframe::Name(line.tf_s)=="")
         m_fields.Complain("tf_s");
      if(m_fields.Fault()=="" && !CNameCode::IsEncoded(symbol,false))
         m_fields.Complain("symbol");
      line.n=m_fields.Number("n",96,LINE_SEQ_MAX);
      ReadHeads(line);
      line.reasons=m_fields.Number("reasons",0,65535);
      line.bundle=m_fields.Text("bundle");
      if(!CNameCode::IsEncoded(line.bundle,true))
         m_fields.Complain("bundle");
      line.feature_set=m_fields.Hex("feature_set",64,false);
      line.stamps[0]=m_fields.Number("admitted",0,LINE_US_MAX);
      line.stamps[1]=m_fields.Number("row",0,LINE_US_MAX);
      line.stamps[2]=m_fields.Number("queued",0,LINE_US_MAX);
      line.stamps[3]=m_fields.Number("inferred",0,LINE_US_MAX);
      if(line.id!=symbol+"."+CTimeframe::Name(line.tf_s)+"."+IntegerToString(line.candle_ms))
         m_fields.Complain("id");
      if(line.expires_ms!=line.candle_ms+2000*line.tf_s)
         m_fields.Complain("expires_ms");
     }
   void              ReadHello(SLine &line)
     {
      line.client=m_fields.Text("client");
      if(!ClientIsGood(line.client))
         m_fields.Complain("client");
      ReadSymbol(line,true);
      ReadHead(line);
     }
   //--- time:reason, with commas between; none at all is good too
   static bool       RefusalsAreGood(const string text)
     {
      string parts[];
      int count=text=="" ? 0 : StringSplit(text,',',parts);
      for(int at=0; at<count; at++)
        {
         int mark=StringFind(parts[at],":");
         bool good=mark>0 && mark<StringLen(parts[at])-1;
         for(int i=0; good && i<StringLen(parts[at]); i++)
           {
            int letter=(int)StringGetCharacter(parts[at],i);
            good=i==mark || (i<mark ? letter>='0' && letter<='9' : (letter>='a' && letter<='z') || letter=='_');
           }
         if(!good)
            return(false);
        }
      return(true);
     }
   //--- lines that answer what the EA sends: see docs/wire-protocol.md
   void              ReadReply(SLine &line)
     {
      ReadHead(line);
      ReadSymbol(line,false);
      if(line.kind=="R1")
        {
         line.tf_s=m_fields.Number("tf_s",1,10000000);
         line.candle_ms=m_fields.Number("candle_ms",0,LINE_MS_MAX);
         if(!m_fields.More())
            return;
         line.wait_ms=m_fields.Number("wait_ms",0,LINE_MS_MAX);
         m_fields.Number("admitted",0,LINE_CANDLES_MAX);
         line.refused=m_fields.Number("refused",0,LINE_CANDLES_MAX);
         line.refusals=m_fields.Text("refusals");
         if(!RefusalsAreGood(line.refusals))
            m_fields.Complain("refusals");
        }
     }

   //--- the first line of a tester file
   void              ReadFile(SLine &line)
     {
      ReadHead(line);
      ReadSymbol(line,false);
      line.tf_s=m_fields.Number("tf_s",1,10000000);
      line.count=m_fields.Number("count",0,LINE_SEQ_MAX);
      line.in_sample=m_fields.Number("in_sample",0,1)!=0;
     }

public:
   bool              SetKeys(const string bridge_hex,const string client_hex) { return(m_bridge.SetKey(bridge_hex) && m_client.SetKey(client_hex)); }
   //--- the field that was wrong in the last line
   string            Fault(void) const { return(m_fault); }
   static bool       ClientIsGood(const string name)
     {
      return(StringLen(name)<=32 && StringFind(name,"%")<0 && CNameCode::IsEncoded(name,false));
     }
   bool              Decode(const uchar &raw[],const int size,const bool from_client,SLine &line)
     {
      string text="";
      m_fault="";
      if(from_client ? !Verify(raw,size,m_client,text) : !Verify(raw,size,m_bridge,text))
         return(false);
      m_fields.Open(text);
      Blank(line);
      line.kind=m_fields.Text("kind");
      if(line.kind=="S1" || line.kind=="N1")
        {
         ReadHead(line);
         ReadSignal(line);
        }
      else if(line.kind=="B1" || line.kind=="E1")
        {
         ReadHead(line);
         ReadSymbol(line,line.kind=="E1");
         if(line.kind=="E1")
            line.count=m_fields.Number("count",0,LONG_MAX);
        }
      else if(line.kind=="H1")
         ReadHello(line);
      else if(line.kind=="K1" || line.kind=="R1")
         ReadReply(line);
      else if(line.kind=="T1")
         ReadFile(line);
      else
         return(Refuse("kind"));
      m_fault=m_fields.Fault();
      return(m_fault=="");
     }
   //--- a line of this client: its body, a bar and the signature
   string            Sign(const string body)
     {
      uchar raw[];
      int count=StringToCharArray(body,raw)-1;
      return(body+"|"+m_client.Sign(raw,0,count));
     }
   string            Hello(const string client,const string symbol,const string session,const long seq,const long sent_ms)
     {
      return(Sign("H1|"+client+"|"+symbol+"|"+session+"|"+IntegerToString(seq)+"|"+IntegerToString(sent_ms)));
     }
  };
